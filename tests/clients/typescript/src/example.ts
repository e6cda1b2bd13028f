// Lists cancellable orders, previews and cancels one unit, then follows events. Set ENDPOINT and TOKEN.
import { randomUUID } from "node:crypto";
import { env } from "node:process";
import { CANCEL, LIST, PREVIEW } from "./documents.js";
import { Shortship } from "./shortship.js";

const shortship = new Shortship(env["ENDPOINT"] ?? "http://127.0.0.1:8000/graphql", env["TOKEN"] ?? "");

function show(line: unknown) {
  console.log(JSON.stringify(line));
}

const { orders } = await shortship.request(LIST, {});
const order = orders.edges[0]?.node;
const item = order?.items.find((each) => each.cancellableQuantity > 0);
if (!order || !item) throw new Error("There is nothing to cancel.");
show({ order: order.number, item: item.productName, cancellable: item.cancellableQuantity });

const items = [{ itemId: item.id, quantity: 1 }];
const { previewCancelItems: preview } = await shortship.request(PREVIEW, { orderId: order.id, items });
if (!preview.refundBreakdown) throw new Error(preview.errors.map((error) => error.message).join("; "));
show({ refund: preview.refundBreakdown.total.formatted, status: preview.orderStatusAfter });

const { cancelItems: outcome } = await shortship.request(CANCEL, {
  input: {
    orderId: order.id,
    reason: "OUT_OF_STOCK",
    items,
    // One key per click on "cancel". Retrying with the same key never cancels twice.
    idempotencyKey: randomUUID(),
    // What the preview showed. If the order has changed since, nothing is cancelled.
    expect: {
      refundTotal: preview.refundBreakdown.total.amount,
      orderVersion: preview.orderVersion ?? null,
    },
  },
});
show({ cancelled: outcome.order, errors: outcome.errors });

for await (const event of shortship.follow(order.eventCursor)) {
  show({ event: event.__typename, order: event.order.number, sequence: event.sequence });
}
