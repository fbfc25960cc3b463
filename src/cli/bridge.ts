import { RealTimeRun } from '../run/real-time-run.ts'
import { settingsOf } from './bridge-ready.ts'
import { outcomeOf } from './outcome.ts'
import { Pacer } from './pacer.ts'
import { openSocket } from './socket-attachment.ts'
import { openTap } from './tap-attachment.ts'
import type { Attachment, AttachmentListener } from './attachment.ts'
import type { BridgeEngine, BridgeOutcome, BridgeRequest } from './bridge-engine.ts'
import type { Nanos } from '../kernel/time.ts'

/** @param clock milliseconds of real time, with fractions, from any beginning */
export function createBridge(clock: () => number): BridgeEngine {
  return { run: (request) => new Bridge(request, clock).run() }
}

class Bridge {
  private readonly attachments: Attachment[] = []
  private readonly runOfHosts: RealTimeRun
  private readonly pacer: Pacer
  /** Ports at which nobody has been yet. */
  private readonly awaited: Set<number>
  /** When the last frame came in; the next one came in later, or at once. */
  private lastReceived: Nanos = 0
  private framesOut = 0
  private framesUntaken = 0
  private end: () => void = () => undefined
  private readonly ended = new Promise<void>((done) => {
    this.end = done
  })

  constructor(
    private readonly request: BridgeRequest,
    clock: () => number,
  ) {
    const { scenario, host, interventions, places, tell } = request
    this.awaited = new Set(places.keys())
    this.runOfHosts = new RealTimeRun(scenario, {
      attach: host.name,
      interventions,
      deliver: (port, frame, arrived) => {
        if (!this.attachments[port].send(frame)) {
          this.framesUntaken++
          return
        }
        this.framesOut++
        this.pacer.arrived(arrived)
      },
    })
    this.pacer = new Pacer(
      {
        run: this.runOfHosts,
        clock,
        flush: () => {
          for (const attachment of this.attachments) attachment.flush()
        },
        over: () => {
          this.end()
        },
      },
      tell,
    )
  }

  async run(): Promise<BridgeOutcome> {
    const { places, host, configure, signal, ready } = this.request
    signal.addEventListener('abort', () => {
      this.end()
    })
    try {
      for (const [port, place] of places.entries()) {
        const listener = this.listenerOf(port)
        this.attachments.push(
          await (place.kind === 'socket'
            ? openSocket(place.path, listener)
            : openTap(place, settingsOf(host, port), configure, listener)),
        )
      }
      ready()
      this.beginIfAllAreThere()
      if (signal.aborted) this.end()
      await this.ended
    } finally {
      this.pacer.stop()
      await Promise.all(this.attachments.map((attachment) => attachment.close()))
    }
    return this.outcome()
  }

  private listenerOf(port: number): AttachmentListener {
    return {
      received: (frame, age) => {
        // What comes before the beginning finds no network yet.
        if (!this.pacer.began) return
        const { now } = this.pacer
        this.lastReceived = Math.max(this.lastReceived, now - age)
        this.pacer.lateness.received(this.runOfHosts.horizon - this.lastReceived, now)
        this.runOfHosts.receive(port, frame, this.lastReceived)
      },
      paused: this.pacer.turn,
      plugged: () => {
        this.awaited.delete(port)
        this.beginIfAllAreThere()
      },
      left: (why) => {
        this.request.tell(JSON.stringify({ left: why }))
      },
      gone: (why) => {
        this.request.tell(JSON.stringify({ gone: why }))
        this.end()
      },
    }
  }

  /** Simulated time stands still until the outside is there, so that a scenario's beginning is not missed. */
  private beginIfAllAreThere(): void {
    if (this.awaited.size === 0 && !this.pacer.began && this.attachments.length === this.request.places.length) this.pacer.begin()
  }

  private outcome(): BridgeOutcome {
    const { director, taken, refused } = this.runOfHosts
    return {
      overBudget: undefined,
      simulatedTime: director.horizon,
      ...outcomeOf(director),
      dispose: () => {
        // The attachments were closed when the run ended.
      },
      outside: {
        host: this.request.host.name,
        framesIn: taken,
        framesRefused: refused,
        framesOut: this.framesOut,
        framesUntaken: this.framesUntaken,
      },
      late: this.pacer.lateness.report,
    }
  }
}
