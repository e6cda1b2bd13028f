import type { CodegenConfig } from "@graphql-codegen/cli";

// Generates types for the schema and for the documents in src; `npm run generate` writes them to src/gql.
const config: CodegenConfig = {
  schema: "../../../schema.graphql",
  documents: "src/*.ts",
  emitLegacyCommonJSImports: false,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        enumsAsTypes: true,
        futureProofEnums: true,
        useTypeImports: true,
        strictScalars: true,
        scalars: { ID: "string", CurrencyCode: "string", DateTime: "string", Decimal: "string" },
      },
    },
  },
};

export default config;
