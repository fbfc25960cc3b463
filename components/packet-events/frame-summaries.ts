import type { Run } from '../../src/run/run.ts'
import type { Nanos } from '../../src/trace/record.ts'

/** How many lines are kept. */
const LIMIT = 4000
/** How many questions are out at a time. */
const AT_ONCE = 16
/** How long frames have to stay in view before they are asked for, in ms: while the list flies by, nobody reads. */
const PATIENCE = 150

/** One line on each frame in view: what it carries, decrypted where there are keys. Asked of the run when they are wanted, and remembered. */
export class FrameSummaries {
  readonly #known = new Map<number, string>()
  readonly #asked = new Set<number>()
  /** Lines that may say more later: up to where the run was known when they were asked for. */
  readonly #open = new Map<number, Nanos>()
  readonly #arrived: () => void
  #wanted: readonly number[] = []
  #run: Run | undefined
  #timer = 0

  constructor(arrived: () => void) {
    this.#arrived = arrived
  }

  /** Forgets everything; from now on it is about this run. */
  clear(run: Run | undefined): void {
    this.#run = run
    this.#known.clear()
    this.#open.clear()
    this.#asked.clear()
    this.#wanted = []
    clearTimeout(this.#timer)
    this.#timer = 0
  }

  /** The line, or undefined while it is not known, or when there is none. */
  get(frame: number): string | undefined {
    return this.#known.get(frame) || undefined
  }

  /** These frames are in view. */
  want(frames: readonly number[]): void {
    this.#wanted = frames
    if (this.#timer !== 0 || !frames.some(this.#isNews)) return
    this.#timer = setTimeout(() => {
      this.#timer = 0
      const still = new Set(this.#wanted)
      this.#ask(frames.filter((frame) => still.has(frame)))
      this.want(this.#wanted)
    }, PATIENCE)
  }

  readonly #isNews = (frame: number): boolean => {
    if (this.#asked.has(frame)) return false
    return !this.#known.has(frame) || (this.#run?.horizon ?? 0) > (this.#open.get(frame) ?? Infinity)
  }

  #ask(frames: readonly number[]): void {
    const run = this.#run
    if (run === undefined) return
    for (const frame of frames.filter(this.#isNews)) {
      if (this.#asked.size >= AT_ONCE) return
      this.#asked.add(frame)
      const { horizon } = run
      run.inspect(frame).then(
        (found) => {
          if (found?.isOpen === true) this.#open.set(frame, horizon)
          else this.#open.delete(frame)
          this.#learn(run, frame, found?.summary ?? '')
        },
        () => {
          // The run ended meanwhile, or broke, which it tells by itself: the row says how long the frame is.
          this.#learn(run, frame, '')
        },
      )
    }
  }

  #learn(run: Run, frame: number, summary: string): void {
    if (run !== this.#run || !this.#asked.delete(frame)) return
    if (this.#known.size >= LIMIT) {
      this.#known.clear()
      this.#open.clear()
    }
    this.#known.set(frame, summary)
    this.#arrived()
  }
}
