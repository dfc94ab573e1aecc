// A real Chromium for the tests, without a window.
//
// Knows:          where the browser comes from (a dev dependency that carries it compressed; nothing is downloaded), and
//                 the libraries that it wants.
// Does not know:  pages, the server.
//
// The package's own start code is not used: it unpacks to a fixed name in the temporary folder and runs whatever is there
// already, and its flags turn off what is tested here (--disable-web-security).

import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, createBrotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

export interface Chromium {
  /** A browser of its own. Every host under `.example` is this machine for it, as after DNS rebinding. */
  readonly launch: () => Promise<Browser>;
}

const PACKAGE = fileURLToPath(new URL("../../", import.meta.resolve("@sparticuz/chromium")));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/chromium/", import.meta.url));

/** The browser, unpacked once; or why this machine cannot run it: a reason to skip. */
export async function findChromium(): Promise<Chromium | string> {
  const machine = `${process.platform} ${process.arch}`;
  if (machine !== "linux x64") {
    return `the browser of the tests runs on linux x64 only, not on ${machine}: this looked at nothing`;
  }
  const { version } = createRequire(import.meta.url)(join(PACKAGE, "package.json")) as {
    version: string;
  };
  const folder = join(CACHE, version);
  const executablePath = join(folder, "chromium");
  if (!existsSync(executablePath)) await unpack(folder, executablePath);

  let env = process.env;
  let fault = whyNot(executablePath, env);
  if (fault !== undefined) {
    // NSS and NSPR, which small containers lack, come with the package.
    env = { ...env, LD_LIBRARY_PATH: await unpackLibraries(folder) };
    fault = whyNot(executablePath, env);
  }
  if (fault !== undefined) return `Chromium does not start here (${fault}): this looked at nothing`;
  return {
    launch: () =>
      chromium.launch({
        executablePath,
        env,
        args: ["--host-resolver-rules=MAP *.example 127.0.0.1,MAP *.example. 127.0.0.1"],
      }),
  };
}

/** Under another name until it is whole, as the libraries: several tests may unpack at once. */
async function unpack(folder: string, executablePath: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const unfinished = `${executablePath}.${process.pid}`;
  try {
    await pipeline(
      createReadStream(join(PACKAGE, "bin", "chromium.br")),
      createBrotliDecompress(),
      createWriteStream(unfinished, { mode: 0o755 }),
    );
    await rename(unfinished, executablePath);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Resolves with their folder. */
async function unpackLibraries(folder: string): Promise<string> {
  const libraries = join(folder, "lib");
  if (existsSync(libraries)) return libraries;
  const unfinished = await mkdtemp(join(folder, "unfinished-"));
  try {
    const input = brotliDecompressSync(readFileSync(join(PACKAGE, "bin", "al2023.tar.br")));
    execFileSync("tar", ["-x", "-C", unfinished], { input, stdio: ["pipe", "ignore", "inherit"] });
    await rename(join(unfinished, "lib"), libraries);
  } catch (error) {
    // Another test was faster.
    if (!existsSync(libraries)) throw error;
  } finally {
    await rm(unfinished, { recursive: true });
  }
  return libraries;
}

/** What it says if it cannot be loaded. */
function whyNot(executablePath: string, env: NodeJS.ProcessEnv): string | undefined {
  const { status, stderr, error } = spawnSync(executablePath, ["--version"], { env, encoding: "utf8" });
  if (status === 0) return undefined;
  return (error?.message ?? stderr).trim().split("\n")[0] ?? "it says nothing";
}
