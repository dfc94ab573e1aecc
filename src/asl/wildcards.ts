// StringMatches: `*` stands for any run of characters; `\*` and `\\` for an asterisk and a backslash.
//
// Spec: https://states-language.net/spec.html#choice-state

/**
 * A matcher for the whole of a text. Its time is linear in the text for each run between two asterisks: a run is
 * placed at the first place where it fits, and never moved. RegExp would be exponential for `*a*a*a*b`.
 */
export function compileWildcards(pattern: string): (text: string) => boolean {
  const runs: string[] = [""];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    const next = pattern.charAt(i + 1);
    if (char === "*") {
      runs.push("");
      continue;
    }
    const isEscape = char === "\\" && (next === "*" || next === "\\");
    runs[runs.length - 1] += isEscape ? next : char;
    if (isEscape) i += 1;
  }
  const first = runs[0] ?? "";
  if (runs.length === 1) return (text) => text === first;
  const last = runs.at(-1) ?? "";
  const between = runs.slice(1, -1).filter((run) => run !== "");
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const run of between) {
      at = text.indexOf(run, at);
      if (at < 0) return false;
      at += run.length;
    }
    return at <= end;
  };
}
