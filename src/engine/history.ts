export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestampMs: number;
  /** The service's HistoryEventType. */
  readonly type: string;
  /** `taskScheduledEventDetails` and the like, absent where the type has none. Members as on the wire. */
  readonly detailsName?: string;
  readonly details?: JsonObject;
}
import type { JsonObject } from "../base/json.ts";
