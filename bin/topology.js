#!/usr/bin/env node
// Plain JavaScript, so that an older Node gets a sentence instead of a syntax error.
import { enableCompileCache } from "node:module";

const [major] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(
    `topology needs Node 24 or newer, this is ${process.version}: run it by npx, which brings its own`,
  );
  process.exit(1);
}
enableCompileCache();
// Below node_modules Node strips no types: an installed package has its programs as JavaScript.
const isInstalled = /[/\\]node_modules[/\\]/.test(import.meta.url);
await import(isInstalled ? "../dist/programs/main.js" : "../src/main.ts");
