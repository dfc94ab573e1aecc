// A real Chromium for the tests, without a window.
//
// Knows:          where the browser comes from (a dev dependency that carries it compressed; nothing is downloaded), and
//                 the libraries that it wants.
// Does not know:  pages, the server.
//
// The package's own start code is not used: it unpacks to a fixed name in the temporary folder and runs whatever is there
// already, and its flags turn off what is tested here (--disable-web-security).

import { spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
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
  let missing = missingLibrary(executablePath, env);
  if (missing !== undefined) {
    // NSS and NSPR, which a small container lacks, come with the package.
    unpackLibraries(folder);
    env = { ...env, LD_LIBRARY_PATH: join(folder, "lib") };
    missing = missingLibrary(executablePath, env);
  }
  if (missing !== undefined) return `Chromium does not start here (${missing}): this looked at nothing`;
  return {
    launch: () =>
      chromium.launch({
        executablePath,
        env,
        args: ["--host-resolver-rules=MAP *.example 127.0.0.1,MAP *.example. 127.0.0.1"],
      }),
  };
}

/** Under another name until it is whole: several tests may unpack at once. */
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

function unpackLibraries(folder: string): void {
  const input = brotliDecompressSync(readFileSync(join(PACKAGE, "bin", "al2023.tar.br")));
  const { status, stderr } = spawnSync("tar", ["-x", "-f", "-", "-C", folder], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`tar: ${stderr}`);
}

/** What it says if it cannot be loaded. */
function missingLibrary(executablePath: string, env: NodeJS.ProcessEnv): string | undefined {
  const { status, stderr, error } = spawnSync(executablePath, ["--version"], { env, encoding: "utf8" });
  if (status === 0) return undefined;
  return (error?.message ?? stderr).trim().split("\n")[0];
}
