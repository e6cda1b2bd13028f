// The story every client runs: a query, a refused query, and a subscription that reports a mutation.
import { env } from "node:process";

export const url = env.ENDPOINT;
export const socketUrl = url.replace("http", "ws");
export const headers = { Authorization: `Bearer ${env.TOKEN}` };

const FIND = `query Find($number: String!) {
  orderByNumber(number: $number) { id eventCursor items { id cancellableQuantity } } }`;
const LIST = "query List($first: Int) { orders(first: $first) { edges { node { id } } } }";
const CANCEL = `mutation Cancel($input: CancelItemsInput!) {
  cancelItems(input: $input) { order { id version } errors { code } } }`;
const FOLLOW = `subscription Follow($after: String) {
  orderEvents(after: $after) { sequence order { id number } ... on ItemsCancelled { cancellation { id } } } }`;

/** `query` and `mutate` resolve to data, `first` to the first event's data. All reject with the client's own errors. */
export async function tell({ query, mutate, first }) {
  const { orderByNumber: order } = await query(FIND, { number: "1001" });
  const refused = await query(LIST, { first: 0 }).then(() => "answered", codes);
  const event = first(FOLLOW, { after: order.eventCursor });
  const items = [{ itemId: order.items[0].id, quantity: 1 }];
  const input = { orderId: order.id, reason: "OUT_OF_STOCK", items, idempotencyKey: "one" };
  const { cancelItems: outcome } = await mutate(CANCEL, { input });
  const { orderEvents: heard } = await event;
  console.log(
    JSON.stringify({
      cancellable: order.items[0].cancellableQuantity,
      refused,
      errors: outcome.errors,
      version: outcome.order.version,
      heard: [heard.order.number, heard.sequence],
    }),
  );
}

/** The data of the first result. */
export async function firstOf(results) {
  for await (const { data, errors } of results) {
    if (errors) throw errors;
    return data;
  }
}

function codes(error) {
  const errors = error.graphQLErrors ?? error.errors ?? error;
  if (!Array.isArray(errors)) throw error;
  return errors.map((each) => each.extensions.code);
}
