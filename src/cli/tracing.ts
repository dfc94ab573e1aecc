// Where traces go: the options of the command line, and the variables that OpenTelemetry gives to them.
//
// Spec: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ (OTEL_EXPORTER_OTLP_…), and OTEL_SERVICE_NAME,
// OTEL_TRACES_SAMPLER_ARG of the SDK's configuration. The protocol is OTLP over HTTP with JSON, the only one here.

import { type OptionDeclaration, type ParsedArguments, urlOption } from "./arguments.ts";
import type { CliEnvironment, ServeOptions } from "./environment.ts";
import { CliError } from "./problem.ts";

export const TRACE_OPTIONS: Readonly<Record<string, OptionDeclaration>> = {
  "otlp-endpoint": {
    value: "URL",
    help: "Send a trace of every execution there, as OTLP over HTTP (else OTEL_EXPORTER_OTLP_ENDPOINT; none).",
  },
  "trace-ratio": {
    value: "RATIO",
    help: "Share of executions to trace, 0 to 1 (else OTEL_TRACES_SAMPLER_ARG; 1).",
  },
};

/** Undefined: no traces. @throws CliError */
export function traceOptions(
  { env }: Pick<CliEnvironment, "env">,
  args: ParsedArguments,
): ServeOptions["traces"] {
  const given = args.value("otlp-endpoint");
  const endpoint =
    given === undefined
      ? endpointOf(env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "")
      : urlOption("otlp-endpoint", given);
  const ratio = args.value("trace-ratio");
  if (endpoint === undefined) {
    if (ratio !== undefined)
      throw new CliError("--trace-ratio needs --otlp-endpoint: there is nowhere to send to.", 2);
    return undefined;
  }
  return {
    endpoint,
    headers: headersOf(env["OTEL_EXPORTER_OTLP_HEADERS"] ?? ""),
    serviceName: env["OTEL_SERVICE_NAME"] || "stepwell",
    ratio:
      ratio === undefined
        ? ratioOf("OTEL_TRACES_SAMPLER_ARG", env["OTEL_TRACES_SAMPLER_ARG"] || "1")
        : ratioOf("--trace-ratio", ratio),
  };
}

function endpointOf(text: string): string | undefined {
  if (text === "") return undefined;
  if (!/^https?:\/\//u.test(text) || !URL.canParse(text))
    throw new CliError(
      `OTEL_EXPORTER_OTLP_ENDPOINT must be a URL like http://127.0.0.1:4318, not ${text}.`,
      2,
    );
  return text;
}

function ratioOf(what: string, text: string): number {
  const ratio = Number(text);
  if (text.trim() === "" || !(ratio >= 0 && ratio <= 1))
    throw new CliError(`${what} must be a number from 0 to 1, not ${JSON.stringify(text)}.`, 2);
  return ratio;
}

/** `api-key=secret,x-tenant=a%20b` */
function headersOf(text: string): Readonly<Record<string, string>> {
  const headers: [string, string][] = [];
  for (const pair of text.split(",").filter((part) => part.trim() !== "")) {
    const [name = "", ...value] = pair.trim().split("=");
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u.test(name) || value.length === 0)
      throw new CliError(
        `OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs with commas between; ${name} is none.`,
        2,
      );
    try {
      headers.push([name, decodeURIComponent(value.join("="))]);
    } catch {
      throw new CliError(
        `OTEL_EXPORTER_OTLP_HEADERS: the value of ${name} is not URL-encoded as it must be.`,
        2,
      );
    }
  }
  return Object.fromEntries(headers);
}
