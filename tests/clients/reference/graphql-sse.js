import { createClient } from "graphql-sse";
import { firstOf, headers, tell, url } from "./story.js";

const client = createClient({ url, headers, retryAttempts: 0 });
const run = (query, variables) => firstOf(client.iterate({ query, variables }));

await tell({ query: run, mutate: run, first: run });
client.dispose();
