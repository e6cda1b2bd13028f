import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type Client } from "graphql-ws";
import WebSocket from "ws";
import { FOLLOW } from "./documents.js";
import type { FollowSubscription, TypedDocumentString } from "./gql/graphql.js";

type GraphQLErrors = readonly { message: string; extensions?: Record<string, unknown> }[];
type Result<Data> = { data?: Data | null | undefined; errors?: GraphQLErrors | undefined };

export class ShortshipError extends Error {
  constructor(readonly errors: GraphQLErrors) {
    super(errors.map((error) => error.message).join("; "));
  }

  get codes() {
    return this.errors.map((error) => String(error.extensions?.["code"]));
  }
}

/** Talks to one server, with one token. */
export class Shortship {
  readonly #url: string;
  readonly #authorization: { Authorization: string };
  readonly #sockets: Client;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#authorization = { Authorization: `Bearer ${token}` };
    this.#sockets = socketsTo(url.replace(/^http/, "ws"), this.#authorization);
  }

  /** The answer to a query or mutation. */
  async request<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: {
        ...this.#authorization,
        Accept: "application/graphql-response+json, application/json;q=0.9",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ query: document.toString(), variables }),
    });
    return dataOf((await response.json()) as Result<Data>);
  }

  /** The shop's events after a cursor, past and then live: each exactly once, whatever breaks in between. */
  async *follow(after: string): AsyncGenerator<FollowSubscription["orderEvents"]> {
    for (let failures = 0; ; failures += 1) {
      try {
        // Left to itself, graphql-ws would subscribe again with the first cursor and repeat events.
        const results = this.#sockets.iterate<FollowSubscription>({
          query: FOLLOW.toString(),
          variables: { after },
        });
        for await (const result of results) {
          const { orderEvents: event } = dataOf(result as Result<FollowSubscription>);
          after = event.cursor;
          failures = 0;
          yield event;
        }
      } catch (error) {
        if (!passes(error)) throw error;
      }
      await sleep(Math.min(100 * 2 ** failures, 10_000) * (0.5 + Math.random() / 2));
    }
  }
}

function socketsTo(url: string, connectionParams: { Authorization: string }): Client {
  let timeout: NodeJS.Timeout;
  const client = createClient({
    url,
    connectionParams,
    webSocketImpl: WebSocket, // built in since Node 22
    retryAttempts: 0,
    keepAlive: 10_000,
    on: {
      // Detects connections that died silently.
      ping: (received) => {
        if (!received) timeout = setTimeout(() => client.terminate(), 5_000);
      },
      pong: (received) => {
        if (received) clearTimeout(timeout);
      },
    },
  });
  return client;
}

function dataOf<Data>(result: Result<Data>): Data {
  if (result.errors) throw new ShortshipError(result.errors);
  if (!result.data) throw new ShortshipError([{ message: "The answer has no data." }]);
  return result.data;
}

/** Whether it is worth subscribing again after this error. */
function passes(reason: unknown): boolean {
  const error = Array.isArray(reason) ? new ShortshipError(reason) : reason;
  if (error instanceof ShortshipError) {
    return error.codes.some((code) => ["SLOW_CONSUMER", "RATE_LIMITED", "UNAVAILABLE"].includes(code));
  }
  // Everything else is the socket failing or closing. These codes mean that the token or the request is wrong.
  return ![4400, 4401, 4403].includes((error as { code?: number }).code ?? 0);
}
