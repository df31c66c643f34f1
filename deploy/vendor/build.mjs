// Rebuilds gateway/src/gateway/static/vendor from the packages in packages.json.
//
//   node deploy/vendor/build.mjs            write the files anew
//   node deploy/vendor/build.mjs --check    exit 1 when what is committed differs
//
// Packages come by name from the registry that npm is set up with; each tarball must have the digest
// written in packages.json. The style sheet keeps only the classes that our templates name (a name that
// ends in a dash, as in a macro that adds a variant, keeps all that begin so) and the design tokens that
// these classes and our own style sheets lead to.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const gateway = path.join(here, "../../gateway/src/gateway");
const static_ = path.join(gateway, "static");
const vendor = path.join(static_, "vendor");
const packages = JSON.parse(fs.readFileSync(path.join(here, "packages.json"), "utf8"));

const IMITATED_STATE = /--(active|hover|focus|focus-visible|visited|disabled|checked|busy|pressed|read-only)$/;

const work = fs.mkdtempSync(path.join(os.tmpdir(), "vermoeden-vendor-"));
try {
  main();
} finally {
  fs.rmSync(work, { recursive: true });
}

function main() {
  for (const item of packages) unpack(item);
  const files = new Map();
  for (const item of packages) {
    for (const [from, to] of Object.entries(item.copies)) files.set(to, fs.readFileSync(inside(item.name, from)));
  }
  files.set("nl-design-system/nl-design-system.css", Buffer.from(styleSheet()));
  files.set("ORIGIN.md", Buffer.from(origin()));
  if (process.argv.includes("--check")) check(files);
  else write(files);
}

function unpack({ name, version, integrity }) {
  const folder = path.join(work, "node_modules", name);
  fs.mkdirSync(folder, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", `${name}@${version}`, "--json", "--ignore-scripts", "--loglevel=error"], {
      cwd: work,
      encoding: "utf8",
    }),
  );
  const tarball = path.join(work, path.basename(filename.replace("@", "").replace("/", "-")));
  const digest = `sha512-${createHash("sha512").update(fs.readFileSync(tarball)).digest("base64")}`;
  if (digest !== integrity) throw new Error(`${name}@${version} has digest ${digest}, expected ${integrity}`);
  execFileSync("tar", ["xzf", tarball, "-C", folder, "--strip-components=1"]);
}

function inside(name, file) {
  return path.join(work, "node_modules", name, file);
}

function styleSheet() {
  const postcss = createRequire(path.join(work, "index.js"))("postcss");
  const components = postcss.parse(fs.readFileSync(inside("@utrecht/component-library-css", "dist/index.css"), "utf8"));
  keepComponents(components);
  const tokens = postcss.parse(
    fs.readFileSync(inside("@nl-design-system-unstable/voorbeeld-design-tokens", "dist/theme.css"), "utf8"),
  );
  keepTokens(tokens, [components.toString(), ...ownStyleSheets()].join("\n"));
  const about =
    "/* Utrecht component library 9.0.4 and NL Design System voorbeeld tokens 7.4.1, both EUPL-1.2\n" +
    "   (LICENSE-*.md). Copyright (c) 2021 NL Design System Community, Gemeente Utrecht, Frameless B.V.\n" +
    "   Changed: reduced to what Vermoeden uses, by deploy/vendor/build.mjs. */\n";
  return about + compact(tokens) + compact(components);
}

function keepComponents(root) {
  const named = classesInTemplates();
  const beginnings = [...named].filter((name) => name.endsWith("-"));
  const isNamed = (name) => named.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
  const isUsed = (selector) => {
    const classes = [...selector.matchAll(/\.(utrecht-[\w-]+)/g)].map((match) => match[1]);
    return classes.length > 0 && classes.every((name) => isNamed(name) && !IMITATED_STATE.test(name));
  };
  root.walkComments((comment) => comment.remove());
  root.walkRules((rule) => {
    if (rule.parent.type === "atrule" && rule.parent.name.endsWith("keyframes")) return;
    const selectors = rule.selectors.filter(isUsed);
    if (selectors.length === 0) rule.remove();
    else rule.selectors = selectors;
  });
  root.walkDecls(/^-(webkit|moz|ms)-(?!appearance)/, (declaration) => declaration.remove());
  root.walkAtRules((rule) => {
    if (rule.name.endsWith("keyframes") || !rule.nodes?.length) rule.remove();
  });
}

function classesInTemplates() {
  const names = new Set();
  for (const entry of fs.readdirSync(path.join(gateway, "templates"), { recursive: true })) {
    if (!entry.endsWith(".html")) continue;
    const text = fs.readFileSync(path.join(gateway, "templates", entry), "utf8");
    for (const [name] of text.matchAll(/utrecht-[\w-]+/g)) names.add(name);
  }
  return names;
}

function keepTokens(root, readers) {
  root.walkComments((comment) => comment.remove());
  const values = new Map();
  root.walkDecls((declaration) => values.set(declaration.prop, declaration.value));
  const wanted = new Set();
  const visit = (text) => {
    for (const [name] of text.matchAll(/--[\w-]+/g)) {
      if (wanted.has(name) || !values.has(name)) continue;
      wanted.add(name);
      visit(values.get(name));
    }
  };
  visit(readers);
  root.walkDecls((declaration) => {
    if (!wanted.has(declaration.prop)) declaration.remove();
  });
}

function ownStyleSheets() {
  const folder = path.join(static_, "css");
  return fs.readdirSync(folder).sort().map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
}

// One rule to a line: small, and still readable in a comparison of versions.
function compact(node) {
  if (node.type === "decl") {
    const value = node.value.includes("url(") ? node.value : node.value.replace(/\s+/g, " ");
    return `${node.prop}:${value}${node.important ? "!important" : ""}`;
  }
  if (node.type === "root") return node.nodes.map(compact).join("\n") + "\n";
  const inner = node.nodes.map(compact);
  if (node.type === "rule") return `${node.selectors.join(",")}{${inner.join(";")}}`;
  return `@${node.name} ${node.params}{\n${inner.join("\n")}\n}`;
}

function origin() {
  const rows = packages
    .filter((item) => Object.keys(item.copies).length > 0)
    .map((item) => `| ${item.name} | ${item.version} | ${item.licence} | ${Object.values(item.copies).join(", ")} |`);
  return [
    "# Where these files come from\n",
    "Written by `deploy/vendor/build.mjs`; do not change them by hand.\n",
    "| package | version | licence | files |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function write(files) {
  for (const [name, content] of files) {
    const target = path.join(vendor, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, content);
    console.log(`${name}  ${content.length} bytes`);
  }
}

function check(files) {
  const stale = [...files].filter(([name, content]) => {
    const target = path.join(vendor, name);
    return !fs.existsSync(target) || !fs.readFileSync(target).equals(content);
  });
  for (const [name] of stale) console.error(`${name} differs: run node deploy/vendor/build.mjs`);
  process.exitCode = stale.length > 0 ? 1 : 0;
}
