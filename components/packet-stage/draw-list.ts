/**
 * What the canvas shows at one moment, as columns: filled anew for each picture without allocating, read by the renderer in
 * order, later ones on top. Positions in CSS px of the stage.
 */

/** What can be drawn. The first ten are the kinds of frame, by index in `FRAME_KINDS`; then the same, torn. */
export const Mark = {
  Torn: 10,
  /** A filled rectangle: `length` × `scale` px. */
  Solid: 20,
  /** A rounded outline around something, a bar: sent again. */
  Outline: 21,
  /** A wider one: pointed at, selected or focused. */
  Halo: 22,
  /** The space that an egress queue has, a bar. */
  Track: 23,
  Cross: 24,
  /** A thin circle, for the burst of a lost frame. */
  Circle: 25,
  Shard: 26,
  /** A jagged gap through a bar. */
  Crack: 27,
} as const

/** Indices of colours; 0 to 7 are `Theme.flows`. */
export const Tone = {
  Lost: 8,
  Warning: 9,
  Line: 10,
  LineStrong: 11,
  Accent: 12,
  Band: 13,
  Text: 14,
  Muted: 15,
} as const

/** Frames of one kind that travel close to each other, drawn as one. Objects are used again for the next picture. */
export interface FrameGroup {
  kind: 'group'
  lane: number
  cell: number
  of: number
  count: number
  /** How many of them were sent again. */
  again: number
  /** What their colour stands for, when all have the same; 0: they do not. */
  flow: number
  /** Sum of how far they have come, in px along the lane. */
  along: number
}

export class DrawList {
  /** Frames that are drawn as one. The first `groupCount` count. */
  readonly groups: FrameGroup[] = []
  groupCount = 0
  count = 0
  capacity = 0
  x = new Float32Array(0)
  y = new Float32Array(0)
  /** Radians; 0 points right, positive turns clockwise on the screen. */
  angle = new Float32Array(0)
  /** Of a bar or a solid, in px; 0 for all else. */
  length = new Float32Array(0)
  /** 1 is the mark's own size; of a solid, its thickness in px. */
  scale = new Float32Array(0)
  /** 0 to 1. */
  alpha = new Float32Array(0)
  /** `Mark`, or the index of a kind. */
  mark = new Uint8Array(0)
  tone = new Uint8Array(0)
  /** The frame that this is a picture of, for pointing at; 0 when it only decorates; below 0: one of `groups`, -1 the first. */
  frame = new Float64Array(0)

  constructor(capacity = 512) {
    this.#grow(capacity)
  }

  clear(): void {
    this.count = 0
    this.groupCount = 0
  }

  add(
    mark: number,
    tone: number,
    x: number,
    y: number,
    angle: number,
    length: number,
    scale: number,
    alpha: number,
    frame: number,
  ): void {
    const at = this.count++
    if (at === this.capacity) this.#grow(this.capacity * 2)
    this.mark[at] = mark
    this.tone[at] = tone
    this.x[at] = x
    this.y[at] = y
    this.angle[at] = angle
    this.length[at] = length
    this.scale[at] = scale
    this.alpha[at] = alpha
    this.frame[at] = frame
  }

  #grow(capacity: number): void {
    const floats = (old: Float32Array): Float32Array<ArrayBuffer> => {
      const wider = new Float32Array(capacity)
      wider.set(old)
      return wider
    }
    const bytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const wider = new Uint8Array(capacity)
      wider.set(old)
      return wider
    }
    this.x = floats(this.x)
    this.y = floats(this.y)
    this.angle = floats(this.angle)
    this.length = floats(this.length)
    this.scale = floats(this.scale)
    this.alpha = floats(this.alpha)
    this.mark = bytes(this.mark)
    this.tone = bytes(this.tone)
    const frames = new Float64Array(capacity)
    frames.set(this.frame)
    this.frame = frames
    this.capacity = capacity
  }
}
