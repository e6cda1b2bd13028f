/** Turns failures into hints that people can act on, instead of the browser's errors with their stacks. */
import { isAsyncIterable } from "@graphiql/toolkit";

const MOST_RESULTS = 100;
const FORBIDDEN = 4403; // the server's close code for a bad or expired token

const AWAY = "The server is not responding. Restart it, then run this again.";
const NO_JSON = "The response is not JSON, so it is not from Shortship: check any proxy in between.";
const CUT_OFF = "There is no connection to the server. Run this again to follow new events.";

/** `advice` says what to do about a bad token. */
export function explained(fetcher, advice) {
  return async (operation, options) => {
    try {
      const answer = await fetcher(operation, options);
      return isAsyncIterable(answer) ? collected(answer, advice) : advised(answer, advice);
    } catch (error) {
      return { hint: error instanceof SyntaxError ? NO_JSON : AWAY };
    }
  };
}

function advised(answer, advice) {
  const isTokenBad = answer?.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED");
  return isTokenBad ? { hint: advice, ...answer } : answer;
}

/** Shows all results of a subscription so far instead of only the last, and why it ended. */
function collected(results, advice) {
  const iterator = results[Symbol.asyncIterator]();
  const newestFirst = [];
  let isOver = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isOver) return { done: true, value: undefined };
      try {
        const { done, value } = await iterator.next();
        if (done) return { done, value };
        newestFirst.unshift(value);
        newestFirst.length = Math.min(newestFirst.length, MOST_RESULTS);
        return { done, value: { newestFirst: [...newestFirst] } };
      } catch (error) {
        isOver = true;
        return { done: false, value: { ...whyItEnded(error, advice), ...(newestFirst.length && { newestFirst }) } };
      }
    },
    return() {
      isOver = true;
      return iterator.return?.() ?? { done: true, value: undefined };
    },
  };
}

function whyItEnded(error, advice) {
  if (Array.isArray(error)) return { errors: error };
  return { hint: String(error.message).includes(` ${FORBIDDEN} `) ? advice : CUT_OFF };
}
