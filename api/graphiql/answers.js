/** What a person gets to read of what came back, or of why nothing did: never an error of the browser with its stack. */
import { isAsyncIterable } from "@graphiql/toolkit";

const MOST_RESULTS = 100;
const FORBIDDEN = 4403; // what the server closes a socket with whose token is not good, or not any more

const AWAY = "The server does not answer. Start it again, then run this again.";
const NO_JSON = "What came back is no JSON, so it is not from Shortship: look at what stands between.";
const CUT_OFF = "There is no connection to the server, or no more. Run it again to follow what happens from then on.";

/** `advice` is what to do about a token that is not good. */
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

/** The results of a subscription up to now in place of the last one alone, and at the end why it ended. */
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
