import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { firstValueFrom } from "rxjs";
import WebSocket from "ws";
import { headers, socketUrl, tell, url } from "./story.js";

const socket = createClient({
  url: socketUrl,
  connectionParams: headers,
  webSocketImpl: WebSocket,
  retryAttempts: 0,
});
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers }),
  ),
});

await tell({
  query: async (query, variables) => (await client.query({ query: gql(query), variables })).data,
  mutate: async (mutation, variables) => (await client.mutate({ mutation: gql(mutation), variables })).data,
  first: async (query, variables) => (await firstValueFrom(client.subscribe({ query: gql(query), variables }))).data,
});
client.stop();
await socket.dispose();
