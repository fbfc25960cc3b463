import { NEVER, type Nanos } from '../kernel/time.ts'
import type { LinkSettings } from '../kernel/link.ts'

type FlapSettings = Readonly<Pick<LinkSettings, 'flaps' | 'flapEvery' | 'flapFor'>>

/** Whether the schedule of a direction has its cable down at a time. Both kinds of schedule hold. */
export function isFlappedDown({ flaps, flapEvery, flapFor }: FlapSettings, time: Nanos): boolean {
  if (flapEvery > 0 && time >= flapEvery && time % flapEvery < flapFor) return true
  return flaps.some((flap) => time >= flap.at && time < flap.at + flap.for)
}

/** When the schedule has the next word about a direction, after a time; `NEVER` when it has none. */
export function nextFlap({ flaps, flapEvery, flapFor }: FlapSettings, after: Nanos): Nanos {
  let next = NEVER
  for (const flap of flaps) {
    if (flap.at > after) next = Math.min(next, flap.at)
    else if (flap.at + flap.for > after) next = Math.min(next, flap.at + flap.for)
  }
  if (flapEvery === 0) return next
  const since = after < flapEvery ? -1 : after % flapEvery
  const start = after - Math.max(0, since)
  if (since < 0) return Math.min(next, flapEvery)
  // Down for longer than the period: it never comes up again.
  if (flapFor >= flapEvery) return next
  return Math.min(next, since < flapFor ? start + flapFor : start + flapEvery)
}
