// Subscriptions go over server-sent events as urql does it by itself, or over a websocket: `node urql.js sse` or `ws`.
import { argv } from "node:process";
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { headers, socketUrl, tell, url } from "./story.js";

const socket = createClient({
  url: socketUrl,
  connectionParams: headers,
  webSocketImpl: WebSocket,
  retryAttempts: 0,
});
const overSocket = subscriptionExchange({
  forwardSubscription: ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
  }),
});
const overWebsocket = argv[2] === "ws";
const client = new Client({
  url,
  fetchOptions: { headers },
  exchanges: [cacheExchange, fetchExchange, ...(overWebsocket ? [overSocket] : [])],
  fetchSubscriptions: !overWebsocket,
  preferGetMethod: false, // operations are POSTed
});

async function data(source) {
  const result = await source.toPromise();
  if (result.error) throw result.error;
  return result.data;
}

await tell({
  query: (query, variables) => data(client.query(query, variables)),
  mutate: (query, variables) => data(client.mutation(query, variables)),
  first: (query, variables) => data(client.subscription(query, variables)),
});
await socket.dispose();
