// AWS Signature Version 4 for one request: the headers to add.
//
// Knows:          the algorithm. Does not know:  where credentials come from, how requests are sent.
//
// Spec: IAM user guide, "Create a signed AWS API request".

import { createHash, createHmac } from "node:crypto";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** From AWS_ACCESS_KEY_ID and its companions; undefined unless both halves of the key are there. */
export function credentialsOf(
  environment: Readonly<Record<string, string | undefined>>,
): Credentials | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** `request.headers` with `host`, `x-amz-date`, the session token and `authorization` added. */
export function sign(
  request: SignedRequest,
  credentials: Credentials,
  { region, service, nowMs }: SigningScope,
): Record<string, string> {
  // 20150830T123600Z
  const moment = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/gu, "");
  const day = moment.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    "x-amz-date": moment,
  };
  if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken;
  const names = Object.keys(headers).toSorted();
  const signedHeaders = names.join(";");
  const canonical = [
    request.method,
    // The path of the URL is encoded once already; every service but S3 wants it encoded once more.
    request.url.pathname.split("/").map(encode).join("/"),
    canonicalQuery(request.url),
    ...names.map((name) => `${name}:${(headers[name] as string).trim().replace(/ +/gu, " ")}`),
    "",
    signedHeaders,
    sha256(request.body),
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", moment, scope, sha256(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = hmac(key, text).toString("hex");
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&");
}

/** RFC 3986: also what encodeURIComponent leaves as it is. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
