import "graphiql/setup-workers/vite";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { createClient } from "graphql-ws";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";

const url = new URL("/graphql", location);
const socketUrl = url.href.replace(/^http/, "ws");
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

/** Sends the headers of the tab; over a websocket as the parameters of a connection that this operation has alone. */
function fetcherWith(defaultHeaders) {
  return (operation, options) => {
    // The first introspection comes before the editor of the headers.
    const headers = options?.headers ?? defaultHeaders;
    const wsClient = createClient({
      url: socketUrl,
      lazy: true,
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

/** Goes to one of the tabs as soon as there are editors to show it. */
function Opened({ tab }) {
  const { changeTab } = useGraphiQLActions();
  const isReady = useGraphiQL((state) =>
    Boolean(state.queryEditor && state.variableEditor && state.headerEditor),
  );
  useEffect(() => {
    if (isReady) changeTab(tab);
  }, [changeTab, isReady, tab]);
}

const response = await fetch("/graphiql/config.json");
const { headers, tabs } = await response.json();
// A link to a tab, such as #2, opens the prepared tabs anew; a reload then keeps what was done with them.
const linked = Number(location.hash.slice(1));
if (linked) {
  sessionStorage.clear();
  history.replaceState(null, "", location.pathname);
}

createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    fetcher={fetcherWith(headers)}
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
