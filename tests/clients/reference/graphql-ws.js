import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { firstOf, headers, socketUrl, tell } from "./story.js";

const client = createClient({
  url: socketUrl,
  connectionParams: headers,
  webSocketImpl: WebSocket,
  retryAttempts: 0,
});
const run = (query, variables) => firstOf(client.iterate({ query, variables }));

await tell({ query: run, mutate: run, first: run });
await client.dispose();
