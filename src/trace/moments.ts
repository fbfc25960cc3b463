import { NEVER, type Nanos } from '../kernel/time.ts'
import type { FrameRecord, TraceView } from './record.ts'

/** Times at which something can be seen to happen to a frame. One that was lost does not arrive. */
function momentsOf(frame: FrameRecord): readonly Nanos[] {
  const { fateAt } = frame
  return [frame.enqueued, frame.sent, fateAt === NEVER ? frame.arrives : fateAt]
}

/** The first time after `time` and before `horizon` at which something happened; undefined when nothing is known of. */
export function nextMoment(trace: TraceView, time: Nanos, horizon: Nanos): Nanos | undefined {
  let next = NEVER
  for (const frame of trace.frames()) {
    for (const moment of momentsOf(frame)) if (moment > time && moment < next) next = moment
  }
  for (const event of trace.events) if (event.time > time && event.time < next) next = event.time
  return next < horizon ? next : undefined
}

/** The last time before `time` at which something happened, or 0. */
export function previousMoment(trace: TraceView, time: Nanos): Nanos {
  let previous = 0
  for (const frame of trace.frames()) {
    for (const moment of momentsOf(frame)) if (moment < time && moment > previous) previous = moment
  }
  for (const event of trace.events) if (event.time < time && event.time > previous) previous = event.time
  return previous
}
