// Task tokens: which attempt of which execution, sealed so that nobody else can make or change one.
//
// Knows:          the key. Does not know:  whether the attempt is open.
//
// Invariants
//   K1. A token is a function of execution, attempt and key: asked for twice, it is the same, so it is not stored.
//   K2. No text but one that `issue` has made opens; not another spelling of the same bytes either.
//
// Authenticated encryption with a synthetic nonce: the nonce is an HMAC of the plain text under its own key, so
// equal texts give equal tokens and different ones (up to a collision of 96 bits) different nonces, which is what
// GCM needs. Base64 text, as the service's own: 392 characters for an ARN of 256.
//
// Spec: RFC 8452 explains the construction's purpose (AES-GCM-SIV); OpenSSL offers only GCM to Node 24.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { ServiceError } from "../base/service-error.ts";
import type { TaskId } from "../engine/index.ts";

export const TOKEN_KEY_BYTES = 32;
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class TaskTokens {
  readonly #sealKey: Buffer;
  readonly #nonceKey: Buffer;

  /** @param key 32 random bytes, the same for the life of the store. */
  constructor(key: Uint8Array) {
    const derive = (use: string): Buffer =>
      Buffer.from(hkdfSync("sha256", key, "", `stepwell token ${use}`, 32));
    this.#sealKey = derive("seal");
    this.#nonceKey = derive("nonce");
  }

  issue(executionArn: string, task: TaskId): string {
    const plain = Buffer.from(`${task}\n${executionArn}`);
    const nonce = this.#nonce(plain);
    const cipher = createCipheriv("aes-256-gcm", this.#sealKey, nonce);
    const sealed = cipher.update(plain);
    cipher.final();
    return Buffer.concat([Buffer.of(VERSION), nonce, sealed, cipher.getAuthTag()]).toString("base64");
  }

  /** @throws ServiceError InvalidToken */
  open(token: string): { readonly executionArn: string; readonly task: TaskId } {
    const bytes = Buffer.from(token, "base64");
    const sealedEnd = bytes.length - TAG_BYTES;
    // Node reads Base64 leniently: other alphabets, blanks, loose bits at the end (K2).
    if (bytes[0] !== VERSION || sealedEnd <= 1 + NONCE_BYTES || bytes.toString("base64") !== token) {
      throw invalidToken();
    }
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#sealKey, nonce);
    decipher.setAuthTag(bytes.subarray(sealedEnd));
    const plain = decipher.update(bytes.subarray(1 + NONCE_BYTES, sealedEnd));
    try {
      decipher.final();
    } catch {
      // The tag does not fit: the one thing that `final` says by throwing.
      throw invalidToken();
    }
    if (!timingSafeEqual(nonce, this.#nonce(plain))) throw invalidToken();
    const text = plain.toString();
    const line = text.indexOf("\n");
    return { task: Number(text.slice(0, line)), executionArn: text.slice(line + 1) };
  }

  #nonce(plain: Buffer): Buffer {
    return createHmac("sha256", this.#nonceKey).update(plain).digest().subarray(0, NONCE_BYTES);
  }
}

export function invalidToken(): ServiceError {
  return new ServiceError("InvalidToken", "Invalid Token: 'Invalid token'");
}
