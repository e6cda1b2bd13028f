// Subscribes over server-sent events, urql's default, or over a websocket: `node urql.js sse` or `node urql.js ws`.
import { argv, exit } from "node:process";
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
});

async function data(result) {
  const { data, error } = await result;
  if (error) throw error;
  return data;
}

function firstOf(results) {
  return new Promise((resolve) => results.subscribe(resolve));
}

await tell({
  query: (query, variables) => data(client.query(query, variables)),
  mutate: (query, variables) => data(client.mutation(query, variables)),
  first: (query, variables) => data(firstOf(client.subscription(query, variables))),
});
exit(); // otherwise urql aborts a pending request, and its rejection is unhandled
