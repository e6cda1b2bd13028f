// Runs the GraphQL over HTTP audits and prints each MUST and SHOULD that fails, with the reason.
import { serverAudits } from "graphql-http";
import { headers, url } from "./story.js";

const fetchFn = (target, init) => fetch(target, { ...init, headers: { ...init?.headers, ...headers } });

for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status === "error" || result.status === "warn") {
    console.log(JSON.stringify({ id: audit.id, name: audit.name, status: result.status, reason: result.reason }));
  }
}
