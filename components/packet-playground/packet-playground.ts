import { provide } from '@lit/context'
import { LitElement, html, type PropertyValues, type TemplateResult } from 'lit'
import { property, query, state } from 'lit/decorators.js'
import type { PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { controls } from '../controls.styles.ts'
import { strike } from '../frame-actions.ts'
import { errorWords, type Notice } from '../intervene.ts'
import type { PacketFaults } from '../packet-faults/packet-faults.ts'
import type { TargetMenu } from '../packet-faults/target-menu.ts'
import type { StageActivation } from '../packet-stage/packet-stage.ts'
import type { PacketTransport } from '../packet-transport/packet-transport.ts'
import { runContext, selectionContext } from '../run-context.ts'
import { Selection } from '../selection.ts'
import { tokens } from '../theme.ts'
import { TimeScale } from '../time-scale.ts'
import type { Engine, OpenedScenario } from './engine.ts'
import { obey } from './command-execution.ts'
import { helpDialog, linkDialog } from './dialogs.ts'
import { playgroundStyles } from './packet-playground.styles.ts'
import { header, notices, placeholder, problemPage } from './playground-frame.ts'
import { body, instruments, type Layout, type Panel, type RunView } from './run-layout.ts'
import { parseSeed, parseSpeed, scenarioPlace } from './scenario-source.ts'
import { shareAddress, sharedRunFor, type SharedStart } from './share.ts'
import { SHORTCUTS, commandOf, type Command } from './shortcuts.ts'
import { StillRun } from './still-run.ts'
import { Visibility } from './visibility.ts'

/** From this width on, in px, the controls stand beside the stage. */
const WIDE = 900

/** Whether it is two runs. */
function isPair(run: Run): run is PairRun {
  return 'sides' in run
}

/** What is open at first: below a narrow stage there is room for one, which is the timeline that the scenario is about, if it is. */
function firstPanels({ views }: ResolvedScenario, wide: boolean): ReadonlySet<Panel> {
  const [first] = views as readonly Panel[]
  const isTimeline = first === 'charts' || first === 'ring' || first === 'lanes' || first === 'waterfall'
  return new Set(wide ? (views as readonly Panel[]) : [isTimeline ? first : 'faults'])
}

/**
 * A network that plays, can be broken and looked into: the whole of it in one element.
 *
 * @fires packetarium-ready - A run stands at zero and can be played; `detail.run` is the `Run`.
 * @fires packetarium-change - State, speed, knobs, links, hosts or the log changed; `detail.run` is the `Run`.
 * @fires packetarium-error - The scenario could not be opened or run; `detail.message` says why.
 * @csspart header - Title and tools.
 * @csspart main - Stage and transport.
 * @csspart side - Lesson, faults and knobs.
 * @csspart instruments - Charts, lanes, waterfall, events and inspector.
 * @slot - A `<script type="application/json">` with a scenario, when there is no `scenario` attribute.
 */
export class PacketPlayground extends LitElement {
  static override styles = [tokens, controls, playgroundStyles]

  /** Loads the engine, once an element comes near the viewport. Whoever defines the element sets it. */
  static loadEngine: () => Promise<Engine> = () => Promise.reject(new Error('No engine was given to this page.'))

  /** Loads the elements that stand inside, at the same time. */
  static loadParts: () => Promise<unknown> = () => import('./parts.ts')

  /** Id of a scenario of the catalogue, or the address of a JSON file. */
  @property() scenario = ''
  /** A scenario as data, instead of the attribute. */
  @property({ attribute: false }) source: unknown
  /** A whole number; the scenario's own when absent. */
  @property() seed = ''
  /** `'light'`, `'dark'`, or absent: as the system has it. */
  @property({ reflect: true }) theme: string | undefined
  /** Simulated seconds per real second, 0.001 to 10; the scenario's own when absent. */
  @property() speed = ''
  /** Plays as soon as it can be seen (unless the reader wants less motion). */
  @property({ type: Boolean }) autoplay = false
  /** Big, over the whole window: for a projector. */
  @property({ type: Boolean, reflect: true }) projector = false

  /** The run that is shown, or both as one; a still one until the engine is there. */
  @provide({ context: runContext })
  @state()
  run: Run | undefined
  /** What is selected in the run that is shown, or in either of two. */
  readonly #selections = [new Selection(), new Selection()] as const
  @provide({ context: selectionContext })
  private selection = this.#selections[0]
  readonly #scales = { charts: new TimeScale(), lanes: new TimeScale(), waterfall: new TimeScale() }
  /** Which of two runs the list of packets is about. */
  @state() private active = 0
  /** The crowd whose members are shown, as `Layout.crowd`. */
  @state() private crowd = -1

  /** What is about to be shown instead: both runs or one, and whether it is to play then. */
  @state() private switchesTo: { readonly both: boolean; readonly plays: boolean } | undefined
  @state() private opened: OpenedScenario | undefined
  @state() private problem: string | undefined
  @state() private notice: Notice | undefined
  @state() private wide = false
  @state() private panels: ReadonlySet<Panel> = new Set<Panel>(['faults'])
  @state() private sharedLink = ''
  @query('packet-faults') private faults!: PacketFaults | null
  @query('packet-transport') private transport!: PacketTransport | null
  @query('packet-target-menu') private menu!: TargetMenu | null
  @query('#said') private said!: HTMLElement | null
  #engine: Engine | undefined
  #shared: SharedStart | undefined
  /** Counts openings, so that what an older one brings is thrown away. */
  #generation = 0
  #isOpen = false
  #resumes = false
  #width = 0
  readonly #visibility = new Visibility(this, () => {
    this.#visibilityChanged()
  })
  readonly #sizes = new ResizeObserver(([entry]) => {
    this.#width = entry.contentRect.width
    this.wide = this.#width >= WIDE
  })

  constructor() {
    super()
    this.addEventListener('keydown', this.#onKey)
    this.addEventListener('packetarium-notice', (event) => {
      this.notice = (event as CustomEvent<Notice>).detail
    })
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#sizes.observe(this)
    document.addEventListener('fullscreenchange', this.#onFullscreen)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#sizes.disconnect()
    document.removeEventListener('fullscreenchange', this.#onFullscreen)
    this.#close()
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (this.hasUpdated && (changed.has('scenario') || changed.has('seed') || changed.has('source'))) {
      this.#close()
      this.#openWhenNear()
    }
    if (changed.has('speed') && this.run !== undefined) this.run.speed = parseSpeed(this.speed) ?? this.run.speed
  }

  #openWhenNear(): void {
    if (this.#isOpen || !this.#visibility.near || !this.isConnected) return
    this.#isOpen = true
    void this.#open(++this.#generation)
  }

  #close(): void {
    this.#generation++
    this.#isOpen = false
    this.#resumes = false
    this.#unfollow()
    this.switchesTo = undefined
    this.opened = undefined
    this.problem = undefined
    this.notice = undefined
    this.#chooseView(0)
    for (const selection of this.#selections) selection.select(undefined)
  }

  async #open(generation: number): Promise<void> {
    const parts = PacketPlayground.loadParts()
    try {
      this.#engine ??= await PacketPlayground.loadEngine()
      const given = scenarioPlace(this, this.scenario, this.source)
      this.#shared = await sharedRunFor(given)
      const place = given ?? this.#shared?.place
      if (place === undefined) throw new Error('This element has no scenario yet. Choose one:')
      const seed = this.#shared?.seed ?? (this.seed === '' ? undefined : parseSeed(this.seed))
      const opened = await this.#engine.open(place, { seed, knobs: this.#shared?.knobs })
      if (generation !== this.#generation) return
      this.opened = opened
      const log = opened.parseLog(this.#shared?.log ?? [])
      await parts
      if (generation !== this.#generation) return
      const speed = parseSpeed(this.speed) ?? opened.scenario.speed
      this.run = new StillRun(opened.scenario, speed)
      this.panels = firstPanels(opened.scenario, this.wide)
      // The network is drawn before the engine takes the thread.
      await this.updateComplete
      const both = this.#shared?.both ?? opened.scenario.compare?.open === true
      const run = await (both && opened.startPair !== undefined ? opened.startPair({ log }) : opened.start({ log }))
      if (generation !== this.#generation) {
        run.dispose()
        return
      }
      run.speed = speed
      this.#adopt(run)
    } catch (error) {
      if (generation !== this.#generation) return
      this.#fail(errorWords(error))
    }
  }

  #fail(message: string): void {
    this.run = undefined
    this.opened = undefined
    this.problem = message
    this.dispatchEvent(new CustomEvent('packetarium-error', { detail: { message }, bubbles: true, composed: true }))
  }

  #follow(run: Run): void {
    this.run = run
    run.addEventListener('change', this.#onChange)
    run.addEventListener('restart', this.#onChange)
    run.addEventListener('time', this.#onTime)
  }

  #unfollow(): void {
    this.run?.removeEventListener('change', this.#onChange)
    this.run?.removeEventListener('restart', this.#onChange)
    this.run?.removeEventListener('time', this.#onTime)
    this.run?.dispose()
    this.run = undefined
  }

  #adopt(run: Run): void {
    this.#follow(run)
    this.dispatchEvent(new CustomEvent('packetarium-ready', { detail: { run }, bubbles: true, composed: true }))
    const { at, frame } = this.#shared ?? {}
    if (at !== undefined) {
      void run.seek(at).then(() => {
        if (frame !== undefined) this.#inspect(0, frame)
      })
    }
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    if (this.autoplay && !still) {
      if (this.#visibility.visible) run.play()
      else this.#resumes = true
    }
  }

  #visibilityChanged(): void {
    this.#openWhenNear()
    const { run } = this
    if (run === undefined) return
    if (!this.#visibility.visible && run.state === 'playing') {
      this.#resumes = true
      run.pause()
    } else if (this.#visibility.visible && this.#resumes) {
      this.#resumes = false
      run.play()
    }
  }

  readonly #onChange = (): void => {
    this.requestUpdate()
    const detail = { run: this.run }
    this.dispatchEvent(new CustomEvent('packetarium-change', { detail, bubbles: true, composed: true }))
  }

  #sayTimer = 0
  readonly #onTime = (): void => {
    const { run } = this
    if (run === undefined || run.state === 'playing') return
    clearTimeout(this.#sayTimer)
    this.#sayTimer = setTimeout(() => {
      void this.#say(run)
    }, 200)
    // Thinning is seen here too, when the reader goes back to where nothing is left.
    this.requestUpdate()
  }

  /** Says what happened at the playhead. */
  async #say(run: Run): Promise<void> {
    const { happenedAt } = await import('./announcement.ts')
    if (this.said === null || run !== this.run) return
    const told = this.#views(run).map(({ label, run: { trace } }) => {
      const words = happenedAt(trace, run.playhead)
      return label === '' || words === '' ? words : `${label}: ${words}`
    })
    this.said.textContent = told.filter((words) => words !== '').join('. ')
  }

  /** What is shown: the run, or two runs. */
  #views(run: Run): readonly RunView[] {
    const [selection, other] = this.#selections
    if (!isPair(run)) return [{ run, selection, label: '' }]
    const { sides, knob } = run
    return [
      { run: sides[0], selection, label: knob.values[0] },
      { run: sides[1], selection: other, label: knob.values[1] },
    ]
  }

  readonly #chooseView = (view: number): void => {
    this.active = view
    this.selection = this.#selections[view]
  }

  /** Starts both runs in place of the one, or the one in place of both, with all that was done, and goes to where the reader is. */
  readonly #showBoth = async (both: boolean): Promise<void> => {
    const { run, opened } = this
    if (run === undefined || opened === undefined) return
    const generation = ++this.#generation
    const { playhead, speed } = run
    this.switchesTo = { both, plays: run.state === 'playing' || this.switchesTo?.plays === true }
    run.pause()
    const shown = this.#views(run)[this.active].run
    const knobs = Object.fromEntries(shown.scenario.knobs.map(({ name, value }) => [name, value]))
    const { logByLink } = await import('../../src/run/pair-run.ts')
    if (generation !== this.#generation) return
    const start = { log: logByLink(shown), knobs }
    try {
      // What is shown stays until the other is where it is.
      const next = await (both && opened.startPair !== undefined ? opened.startPair(start) : opened.start(start))
      await next.seek(playhead)
      if (generation !== this.#generation) {
        next.dispose()
        return
      }
      const { plays } = this.switchesTo
      this.switchesTo = undefined
      this.#unfollow()
      this.#chooseView(0)
      for (const selection of this.#selections) selection.select(undefined)
      next.speed = speed
      this.#follow(next)
      if (plays) next.play()
      await this.updateComplete
      const labels = this.#views(next).map(({ label }) => label)
      if (this.said !== null)
        this.said.textContent = both ? `Both at once: ${labels.join(' and ')}, on one playhead.` : 'One run is shown.'
    } catch (error) {
      if (generation !== this.#generation) return
      this.switchesTo = undefined
      this.notice = { kind: 'error', text: errorWords(error) }
    }
  }

  readonly #onFullscreen = (): void => {
    this.projector = document.fullscreenElement === this || (this.getRootNode() as ShadowRoot).fullscreenElement === this
  }

  async #toggleFullscreen(): Promise<void> {
    if (this.projector) {
      this.projector = false
      if (document.fullscreenElement !== null) await document.exitFullscreen()
      return
    }
    this.projector = true
    try {
      await this.requestFullscreen()
    } catch {
      // A frame without the permission to go full screen: over the whole of the frame then, by `projector` alone.
      this.projector = true
    }
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const command = commandOf(event)
    if (command === undefined || this.run === undefined) {
      if (event.key === 'Escape' && this.projector && document.fullscreenElement === null) this.projector = false
      return
    }
    event.preventDefault()
    this.#obey(command, this.run)
  }

  #obey(command: Command, run: Run): void {
    obey(command, run, {
      transport: this.transport,
      faults: this.faults,
      toggleFullscreen: () => void this.#toggleFullscreen(),
      showHelp: () => this.#dialog('help')?.showModal(),
    })
  }

  #dialog(id: string): HTMLDialogElement | null {
    return this.renderRoot.querySelector<HTMLDialogElement>(`#${id}`)
  }

  #activate(view: number, { target, frames, x, y }: StageActivation): void {
    const { run } = this
    if (run === undefined) return
    this.#chooseView(view)
    this.selection.select(target)
    if (target.kind === 'host' && run.scenario.hosts[target.index].replicas !== undefined) {
      this.crowd = target.index
      if (!this.panels.has('crowd')) this.#showPanel('crowd', true)
    }
    if (target.kind !== 'frame') {
      void this.menu?.open(target, x, y, frames)
      return
    }
    const mode = this.faults?.chosenMode ?? 'inspect'
    if (mode === 'inspect') {
      run.pause()
      this.#inspect(view, target.number)
    } else void strike(this, this.#views(run)[view].run, target.number, mode)
  }

  #inspect(view: number, frame: number): void {
    this.#chooseView(view)
    this.selection.select({ kind: 'frame', number: frame })
    if (this.panels.has('inspector')) return
    this.#showPanel('inspector', true)
  }

  /** Opens or closes a panel. There is room for one of them below a narrow stage, for all instruments below a wide one. */
  #showPanel(panel: Panel, open: boolean): void {
    const others = [...this.panels].filter((each) => each !== panel && this.wide)
    this.panels = new Set(open ? [...others, panel] : others)
  }

  async #share(): Promise<void> {
    const { run, opened } = this
    if (run === undefined || opened === undefined) return
    try {
      const both = opened.startPair === undefined ? undefined : isPair(run)
      // A link to a packet of the second run would be taken for one of the first.
      const target = this.active === 0 ? this.selection.target : undefined
      const address = await shareAddress({ run, opened, target, both })
      try {
        await navigator.clipboard.writeText(address)
        this.notice = { kind: 'info', text: 'The link is on your clipboard. It replays exactly this, faults included.' }
      } catch {
        // No permission to write there: show the link, selected, to be copied by hand.
        this.sharedLink = address
        await this.updateComplete
        this.#dialog('share')?.showModal()
      }
    } catch (error) {
      this.notice = { kind: 'error', text: errorWords(error) }
    }
  }

  async #startOver(): Promise<void> {
    for (const selection of this.#selections) selection.select(undefined)
    try {
      await this.run?.restart({ log: [] as readonly Intervention[] })
    } catch (error) {
      this.notice = { kind: 'error', text: errorWords(error) }
    }
  }

  protected override firstUpdated(): void {
    this.#openWhenNear()
  }

  protected override render(): TemplateResult {
    const { run, opened } = this
    return html`<div class="playground ${this.wide ? 'wide' : ''}">
      ${
        this.problem !== undefined
          ? problemPage(this.problem, this.#engine?.list ?? [], ({ id }) => {
              this.source = undefined
              this.seed = ''
              this.scenario = id
            })
          : run === undefined || opened === undefined
            ? placeholder(opened)
            : this.#renderRun(run, opened)
      }
    </div>`
  }

  #renderRun(run: Run, opened: OpenedScenario): TemplateResult {
    const { wide, panels, projector } = this
    const views = this.#views(run)
    const active = Math.min(this.active, views.length - 1)
    const startOver = (): void => void this.#startOver()
    const layout: Layout = {
      run,
      pair: isPair(run) ? run : undefined,
      isBoth: this.switchesTo?.both ?? isPair(run),
      opened,
      views,
      scales: views.length > 1 ? this.#scales : undefined,
      active,
      crowd: this.crowd,
      wide,
      panels,
      showPanel: (panel, open) => {
        this.#showPanel(panel, open)
      },
      activate: (view, activation) => {
        this.#activate(view, activation)
      },
      inspect: (view, frame) => {
        this.#inspect(view, frame)
      },
      chooseView: this.#chooseView,
      showBoth: (both) => void this.#showBoth(both),
    }
    return html`
      ${header(run, {
        projector,
        captured: views[active].run,
        startOver,
        share: () => void this.#share(),
        toggleFullscreen: () => void this.#toggleFullscreen(),
        showHelp: () => this.#dialog('help')?.showModal(),
      })}
      ${notices(run, this.notice, startOver, () => {
        this.notice = undefined
      })}
      ${body(layout)} ${instruments(layout)}
      <packet-target-menu
        @packet-target-inspect=${(event: CustomEvent<number>) => {
          this.#inspect(active, event.detail)
        }}
      ></packet-target-menu>
      <div id="said" class="visually-hidden" aria-live="polite"></div>
      ${helpDialog(SHORTCUTS)} ${linkDialog(this.sharedLink)}
    `
  }
}
