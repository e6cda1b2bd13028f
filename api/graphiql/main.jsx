import "graphiql/setup-workers/vite";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { createClient } from "graphql-ws";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { explained } from "./answers.js";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";

const url = new URL("/graphql", location);
const socketUrl = url.href.replace(/^http/, "ws");
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

/** Sends the tab's headers; over a websocket, as connection parameters of a socket for this operation alone. */
function fetcherWith(defaultHeaders) {
  return (operation, options) => {
    // The first introspection runs before the header editor exists.
    const headers = options?.headers ?? defaultHeaders;
    const wsClient = createClient({
      url: socketUrl,
      lazy: true,
      retryAttempts: 0, // a silent reconnect would miss events
      connectionParams: headers,
    });
    const fetcher = createGraphiQLFetcher({
      url: url.href,
      enableIncrementalDelivery: false,
      wsClient,
    });
    return fetcher(operation, { ...options, headers });
  };
}

/** Switches to a tab as soon as the editors are ready. */
function Opened({ tab }) {
  const { changeTab } = useGraphiQLActions();
  const isReady = useGraphiQL((state) =>
    Boolean(state.queryEditor && state.variableEditor && state.headerEditor),
  );
  useEffect(() => {
    if (!isReady) return;
    changeTab(tab);
    document.getElementById(`graphiql-session-tab-${tab}`)?.scrollIntoView({ inline: "center" });
  }, [changeTab, isReady, tab]);
}

async function settings() {
  try {
    return await (await fetch("/graphiql/config.json")).json();
  } catch {
    return null;
  }
}

function start({ headers, tabs }) {
  // A link to a tab, such as #2, resets all tabs; reloading after that keeps edits.
  const linked = Number(location.hash.slice(1));
  if (linked) {
    sessionStorage.clear();
    history.replaceState(null, "", location.pathname);
  }
  const advice = tabs
    ? "This page's token is no longer valid: reload the page or, after a reset, reopen the step from the start page."
    : "Enter a valid token in Headers. If the server has a shared secret, `shortship token` makes one.";
  createRoot(root).render(
    <GraphiQL
      fetcher={explained(fetcherWith(headers), advice)}
      plugins={plugins}
      defaultHeaders={JSON.stringify(headers, null, 2)}
      defaultTabs={tabs}
      defaultEditorToolsVisibility={tabs ? "variables" : "headers"}
      storage={tabs && sessionStorage}
    >
      <GraphiQL.Logo>Shortship</GraphiQL.Logo>
      {linked > 0 && <Opened tab={linked - 1} />}
    </GraphiQL>,
  );
}

const root = document.getElementById("graphiql");
const given = await settings();
if (given) start(given);
else root.textContent = "The server is not responding. Restart it, then reload this page.";
