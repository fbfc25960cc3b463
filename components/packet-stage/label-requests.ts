import type { Lane } from './layout.ts'

/** A text that the scene would like to have beside something. */
export interface LabelRequest {
  /** What to write: the name of a frame, why one was lost, or how many wait, are on the way, or were lost. */
  kind: 'frame' | 'loss' | 'queue' | 'stream' | 'losses'
  /** Number of the frame, or how many. */
  subject: number
  /** What it names, and the unit vector that points away from the lane. */
  x: number
  y: number
  nx: number
  ny: number
  /** How far from (x, y) the text begins. */
  distance: number
  alpha: number
  /** Who gets the place when there is room for one: the higher. */
  urgency: number
}

/** The room that a queue takes: nothing is written over it. */
export interface Occupied {
  left: number
  top: number
  right: number
  bottom: number
}

const LIMIT = 48

/** Beside an upright lane a text begins further off than above a level one, where its line has air of its own. */
function clearance({ nx }: Lane): number {
  return 4 * Math.abs(nx)
}

/** Requests of one picture; objects are used again. */
export class LabelRequests {
  count = 0
  /** How many of them tell of a loss. */
  losses = 0
  readonly requests: LabelRequest[] = []
  occupiedCount = 0
  readonly occupied: Occupied[] = []

  clear(): void {
    this.count = 0
    this.losses = 0
    this.occupiedCount = 0
  }

  addFrame(number: number, x: number, y: number, lane: Lane, distance: number, urgency: number): void {
    this.add('frame', number, x, y, lane, distance + clearance(lane), 1, urgency)
  }

  addLoss(number: number, x: number, y: number, lane: Lane, distance: number, alpha: number): void {
    this.losses++
    this.add('loss', number, x, y, lane, distance + clearance(lane), alpha, 3)
  }

  /** How many frames are on their way, or were lost, on a crowded line. */
  addCount(kind: 'stream' | 'losses', count: number, x: number, y: number, lane: Lane, distance: number): void {
    this.add(kind, count, x, y, lane, distance + clearance(lane), 1, 3)
  }

  /** A queue from `from` to `to` along a lane, `away` from it and `half` thick to either side; `waiting` is written when not 0. */
  addQueue(lane: Lane, from: number, to: number, away: number, half: number, waiting: number): void {
    const x0 = lane.x0 + lane.ux * from + lane.nx * away
    const y0 = lane.y0 + lane.uy * from + lane.ny * away
    const x1 = lane.x0 + lane.ux * to + lane.nx * away
    const y1 = lane.y0 + lane.uy * to + lane.ny * away
    const at = this.occupiedCount++
    if (at === this.occupied.length) this.occupied.push({ left: 0, top: 0, right: 0, bottom: 0 })
    const box = this.occupied[at]
    box.left = Math.min(x0, x1) - half
    box.right = Math.max(x0, x1) + half
    box.top = Math.min(y0, y1) - half
    box.bottom = Math.max(y0, y1) + half
    if (waiting > 0) this.add('queue', waiting, (x0 + x1) / 2, (y0 + y1) / 2, lane, half + 2, 1, 4)
  }

  private add(
    kind: LabelRequest['kind'],
    subject: number,
    x: number,
    y: number,
    lane: Lane,
    distance: number,
    alpha: number,
    urgency: number,
  ): void {
    if (this.count === LIMIT) return
    const at = this.count++
    if (at === this.requests.length) {
      this.requests.push({ kind, subject, x, y, nx: 0, ny: 0, distance, alpha, urgency })
    }
    const request = this.requests[at]
    request.kind = kind
    request.subject = subject
    request.x = x
    request.y = y
    request.nx = lane.nx
    request.ny = lane.ny
    request.distance = distance
    request.alpha = alpha
    request.urgency = urgency
  }
}
