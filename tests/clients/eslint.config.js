// Run from the project's root: eslint -c tests/clients/eslint.config.js schema.graphql
import graphql from "@graphql-eslint/eslint-plugin";

const { configs, parser } = graphql;

export default [
  {
    files: ["schema.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-relay"].rules,
      // The interface Cancellable is named after its field.
      "@graphql-eslint/no-typename-prefix": "off",
      // Event feeds only page forward.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // An order's items and packages are plain lists: there are never many of them.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // Anything that changes has an id, for client caches. Values have none: they are replaced along with their owner.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            suffixes: ["Connection", "Edge", "Error", "Payload"],
            types: [
              "Buyer",
              "BuyerNotification",
              "CancellationLine",
              "CancellationPreview",
              "CancellationReasonOption",
              "Fee",
              "ImportNote",
              "ImportOrderResult",
              "Money",
              "OrderTotals",
              "PageInfo",
              "RefundBreakdown",
              "RefundLine",
            ],
          },
        },
      ],
    },
  },
];
