// gql.tada infers the types of results and variables from the schema and each document's text.
import { initGraphQLTada, type ResultOf, type VariablesOf } from "gql.tada";
import type { introspection } from "./introspection.d.ts";

const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { ID: string; CurrencyCode: string; DateTime: string; Decimal: string };
}>();

const LIST = graphql(`
  query List($filter: OrderFilter) {
    orders(filter: $filter, first: 10) {
      edges {
        node {
          status
          shipBy
          items {
            cancellableQuantity
          }
        }
      }
    }
  }
`);

const CANCEL = graphql(`
  mutation Cancel($input: CancelItemsInput!) {
    cancelItems(input: $input) {
      cancellation {
        refundStatus
      }
      errors {
        code
      }
    }
  }
`);

type Order = ResultOf<typeof LIST>["orders"]["edges"][number]["node"];

export const order: Order = { status: "ON_HOLD", shipBy: null, items: [{ cancellableQuantity: 1 }] };
export const filter: VariablesOf<typeof LIST> = { filter: { statuses: ["AWAITING_SHIPMENT"] } };
export const input: VariablesOf<typeof CANCEL> = {
  input: {
    orderId: "order_1",
    reason: "OUT_OF_STOCK",
    items: [{ itemId: "item_1", quantity: 1 }],
    idempotencyKey: "one",
  },
};
// @ts-expect-error not an order status
export const unknown: Order["status"] = "LOST";
