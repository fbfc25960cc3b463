import type { Run } from '../src/run/run.ts'
import type { FrameRecord } from '../src/trace/record.ts'
import { errorWords, intervene, notify } from './intervene.ts'

/** Whether a frame is in a queue or on a line at a time, so that a hand can still reach it. */
export function withinReach(frame: FrameRecord, time: number): boolean {
  return frame.enqueued < time && time < frame.fateAt
}

/**
 * Drops or corrupts a frame: now, while it is on its way; else the playhead goes back to just after it was sent. Tells the reader
 * when that is not possible. Resolves to whether it was done.
 */
export async function strike(element: Element, run: Run, number: number, how: 'drop' | 'corrupt'): Promise<boolean> {
  const frame = run.trace.frame(number)
  if (frame === undefined) {
    notify(element, { kind: 'error', text: `Packet #${String(number)} is no longer kept.` })
    return false
  }
  if (!withinReach(frame, run.playhead)) {
    // Interventions act before everything else at their time: one nanosecond later the frame is there.
    const after = frame.enqueued + 1
    if (!withinReach(frame, after)) {
      notify(element, { kind: 'error', text: `Packet #${String(number)} was lost the moment it was sent.` })
      return false
    }
    try {
      run.pause()
      await run.seek(after)
    } catch (error) {
      notify(element, { kind: 'error', text: errorWords(error) })
      return false
    }
  }
  return intervene(element, run, how === 'drop' ? { drop: { frame: number } } : { corrupt: { frame: number } })
}
