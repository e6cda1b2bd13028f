// Run in the project's folder: eslint -c tests/clients/eslint.config.js schema.graphql
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
      // Feeds of events go forward only.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // An order's items and packages are plain lists: there are never many.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // What changes has an id for caches to know it by. Values have none: they are replaced whole, with what has them.
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
