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

/** A client for one server, authenticated by one token. */
export class Shortship {
  readonly #url: string;
  readonly #authorization: { Authorization: string };
  readonly #sockets: Client;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#authorization = { Authorization: `Bearer ${token}` };
    this.#sockets = socketsTo(url.replace(/^http/, "ws"), this.#authorization);
  }

  /** Runs a query or mutation and returns its data. Throws ShortshipError if the answer has errors. */
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

  /**
   * Yields every event after the cursor, then new ones as they happen.
   * Reconnects and resumes when the connection drops, so each event is delivered exactly once.
   */
  async *follow(after: string): AsyncGenerator<FollowSubscription["orderEvents"]> {
    for (let failures = 0; ; failures += 1) {
      try {
        // graphql-ws's own retries would resubscribe from the first cursor and repeat events.
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
        if (!isTransient(error)) throw error;
      }
      // Back off exponentially, with jitter.
      await sleep(Math.min(100 * 2 ** failures, 10_000) * (0.5 + Math.random() / 2));
    }
  }
}

function socketsTo(url: string, connectionParams: { Authorization: string }): Client {
  let timeout: NodeJS.Timeout;
  const client = createClient({
    url,
    connectionParams,
    webSocketImpl: WebSocket, // optional from Node 22 on, which has one built in
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
  if (!result.data) throw new ShortshipError([{ message: "The response has no data." }]);
  return result.data;
}

/** Whether to reconnect after this error. */
function isTransient(reason: unknown): boolean {
  const error = Array.isArray(reason) ? new ShortshipError(reason) : reason;
  if (error instanceof ShortshipError) {
    return error.codes.some((code) => ["SLOW_CONSUMER", "RATE_LIMITED", "UNAVAILABLE"].includes(code));
  }
  // Anything else is a socket that failed or closed. These close codes mean a bad message or a bad token.
  return ![4400, 4401, 4403].includes((error as { code?: number }).code ?? 0);
}
