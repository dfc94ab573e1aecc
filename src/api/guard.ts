// The guard: a web page must not be able to drive a local server.
//
// Knows:          the Host, the Origin and the address at which a request arrived.
// Does not know:  credentials. Beyond loopback these are what protects a server.
//
// Invariants
//   G1. A request that arrived at a loopback address must name a loopback host, or one that was allowed: this
//       ends DNS rebinding, where a page's own name begins to resolve to 127.0.0.1.
//   G2. A request with an Origin passes only if that origin was allowed, or is this server itself under a host
//       name that G1 knows. Other clients than browsers send none.

import type { IncomingMessage } from "node:http";

export interface GuardOptions {
  /** Further host names (without port) at which this server may be addressed. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages that may call: `https://example.org`. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface Verdict {
  /** Why the request is refused; undefined if it may pass. */
  readonly refusal: string | undefined;
  /** The origin to which the answer may be shown; undefined without one. */
  readonly origin: string | undefined;
}

export function judge(request: IncomingMessage, options: GuardOptions): Verdict {
  const hosts = hostsOf(request);
  const isKnown = hosts.length > 0 && hosts.every((host) => isKnownHost(hostNameOf(host), options));
  const isHostChecked = isLoopbackAddress(request.socket.localAddress) || options.allowedHosts !== undefined;
  if (isHostChecked && !isKnown) {
    return {
      refusal: `The host '${hosts.join(", ")}' is not one that this server may be addressed by.`,
      origin: undefined,
    };
  }
  const { origin } = request.headers;
  if (origin === undefined) return { refusal: undefined, origin };
  const isOwn = isKnown && hosts.every((host) => origin === `http://${host}` || origin === `https://${host}`);
  if (isOwn || options.allowedOrigins?.includes(origin)) return { refusal: undefined, origin };
  return { refusal: `The origin '${origin}' is not allowed to call this server.`, origin: undefined };
}

/** The Host header, and the authority of an absolute-form target (`POST http://host/ HTTP/1.1`, from proxies). */
function hostsOf({ headers, url = "/" }: IncomingMessage): readonly string[] {
  const [, authority] = /^[a-z]+:\/\/([^/?#]*)/i.exec(url) ?? [];
  return [headers.host, authority].filter((host): host is string => host !== undefined && host !== "");
}

/** Without the port and the brackets of IPv6. */
function hostNameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d+)?$/i.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase().replace(/\.$/, "");
}

function isKnownHost(name: string, { allowedHosts = [] }: GuardOptions): boolean {
  // SDKs put `sync-` before the host for StartSyncExecution and TestState.
  const plain = name.replace(/^sync-/, "");
  return (
    plain === "localhost" ||
    plain.endsWith(".localhost") ||
    // How containers reach their host: a name that no DNS server gives out.
    plain === "host.docker.internal" ||
    isLoopbackAddress(plain) ||
    allowedHosts.some((allowed) => allowed.toLowerCase() === name || allowed.toLowerCase() === plain)
  );
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && (address === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(address));
}
