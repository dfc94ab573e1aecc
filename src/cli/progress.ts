// Shows an execution while it runs: a tree that is redrawn on a terminal, lines of JSON elsewhere.
//
// Knows:          a Timeline, the screen, the two forms of output.
// Does not know:  where events come from.

import type { JsonObject } from "../base/json.ts";
import { paletteOf, prettyJson, sayJson } from "./command.ts";
import type { Caller, CliEnvironment } from "./environment.ts";
import { MapRunNotes, MapRunWatch } from "./map-runs.ts";
import { Screen } from "./screen.ts";
import { Timeline } from "./timeline.ts";
import { renderOutcome, renderTimeline, statusWord, type ViewOptions } from "./timeline-view.ts";

export interface Progress {
  readonly timeline: Timeline;
  /** New events, or none to let the times go on. */
  readonly onEvents: (events: readonly JsonObject[]) => Promise<void>;
  /** A line of something else, above the tree. */
  readonly note: (line: string) => void;
  /** The end of the following: what there is now, in full. */
  readonly finish: () => void;
}

/** Redraws a tree. For terminals only. */
export function liveProgress(environment: CliEnvironment, call: Caller): Progress {
  const timeline = new Timeline();
  const screen = new Screen(environment);
  const mapRuns = new MapRunWatch(call, environment.now);
  const draw = (settled: boolean): void => {
    const options = viewOptions(environment, mapRuns);
    const lines = [...renderTimeline(timeline, options), ...renderOutcome(timeline, options)];
    if (settled) screen.settle(lines);
    else screen.draw(lines);
  };
  return {
    timeline,
    onEvents: async (events) => {
      for (const event of events) timeline.add(event);
      await mapRuns.update(timeline);
      draw(false);
    },
    note: (line) => screen.above(line),
    finish: () => {
      draw(true);
      if (timeline.output !== undefined) {
        environment.stdout.write(`${prettyJson(timeline.output)}\n`);
      }
    },
  };
}

/** Every event as a line of JSON, and last of all the result. How Map Runs go is said beside it. */
export function jsonProgress(environment: CliEnvironment, call: Caller, executionArn: string): Progress {
  const timeline = new Timeline();
  const mapRuns = new MapRunWatch(call, environment.now);
  const notes = new MapRunNotes();
  const note = (line: string): void => void environment.stderr.write(`${line}\n`);
  return {
    timeline,
    onEvents: async (events) => {
      for (const event of events) {
        timeline.add(event);
        sayJson(environment, event);
      }
      await mapRuns.update(timeline);
      for (const line of notes.due(mapRuns.views, environment.now())) note(line);
    },
    note,
    finish: () => {
      const { output, failure } = timeline;
      sayJson(environment, {
        executionArn,
        status: statusWord(timeline),
        ...(output === undefined ? {} : { output }),
        ...(failure?.error === undefined ? {} : { error: failure.error }),
        ...(failure?.cause === undefined ? {} : { cause: failure.cause }),
      });
    },
  };
}

/** The tree once, at the end, as plain text: what a log of a demonstration should hold. */
export function finalProgress(environment: CliEnvironment, call: Caller): Progress {
  const live = liveProgress(environment, call);
  return {
    ...live,
    onEvents: async (events) => {
      for (const event of events) live.timeline.add(event);
    },
    note: (line) => void environment.stdout.write(`${line}\n`),
  };
}

export function viewOptions(environment: CliEnvironment, mapRuns: MapRunWatch): ViewOptions {
  const { columns } = environment.size();
  return {
    // One column stays free: some terminals wrap a line that fills the last one, and the redraw miscounts.
    width: Math.max(20, Math.min(columns - 1, 110)),
    palette: paletteOf(environment),
    nowMs: environment.now(),
    mapRuns: mapRuns.views,
  };
}
