import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";

/** Writes a gzip next to each file, so that the server need not compress. */
const gzipped = {
  name: "gzipped",
  async writeBundle({ dir }) {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((entry) => entry.isFile())) {
      const path = join(entry.parentPath, entry.name);
      await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
    }
  },
};

export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "../static/graphiql",
    emptyOutDir: true,
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { checks: { moduleLevelDirective: false } }, // "use client" has no effect here
  },
  worker: { format: "es" },
  plugins: [gzipped],
});
