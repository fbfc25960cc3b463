import { html, nothing, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import type { PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import { formatQuantity } from '../format.ts'
import { icon } from '../icons.ts'
import type { StageActivation } from '../packet-stage/packet-stage.ts'
import type { Selection } from '../selection.ts'
import type { TimeScale } from '../time-scale.ts'
import type { OpenedScenario } from './engine.ts'

/** What a screen reader calls what is there twice, behind the label of its run. */
const TWIN_WORDS = {
  charts: 'charts',
  crowd: 'members of the crowd',
  ring: 'keys and servers',
  lanes: 'lanes of streams',
  waterfall: 'loading of pages',
}

/** Strategies of load balancers that go by the hash of a key. */
const HASHING: ReadonlySet<string> = new Set(['modulo', 'ring', 'bounded-ring', 'maglev'])

export type Panel = 'faults' | 'knobs' | 'charts' | 'crowd' | 'ring' | 'lanes' | 'waterfall' | 'events' | 'inspector'

/** One run that is shown: the only one, or one of two. */
export interface RunView {
  readonly run: Run
  readonly selection: Selection
  /** What tells it from the other; '' when there is no other. */
  readonly label: string
}

/** What is shown of a playground, and what is done when something of it is used. */
export interface Layout {
  /** The run, or both as one. */
  readonly run: Run
  readonly pair: PairRun | undefined
  /** Whether both are to be shown, now or in a moment. */
  readonly isBoth: boolean
  readonly opened: OpenedScenario
  readonly views: readonly RunView[]
  /** What twins share; undefined where there is one run only. */
  readonly scales: Readonly<Record<Exclude<keyof typeof TWIN_WORDS, 'crowd' | 'ring'>, TimeScale>> | undefined
  /** Which of the views lists and details are about. */
  readonly active: number
  /** Index of the crowd whose members are shown; below 0: the first. */
  readonly crowd: number
  readonly wide: boolean
  readonly panels: ReadonlySet<Panel>
  readonly showPanel: (panel: Panel, open: boolean) => void
  readonly activate: (view: number, activation: StageActivation) => void
  readonly inspect: (view: number, frame: number) => void
  readonly chooseView: (view: number) => void
  readonly showBoth: (both: boolean) => void
}

/** Stage and controls. */
export function body(layout: Layout): TemplateResult {
  const { run, opened, wide, panels, views, active } = layout
  const hasKnobs = run.scenario.knobs.length > 0
  return html`<div class="body">
    <div class="main" part="main">
      ${bothSwitch(layout)}
      <div class="stages ${views.length > 1 ? 'two' : ''}">
        ${views.map((view, index) =>
          labelled(
            view,
            'network',
            html`<packet-stage
              .run=${view.run}
              @packet-stage-activate=${(event: CustomEvent<StageActivation>) => {
                layout.activate(index, event.detail)
              }}
            ></packet-stage>`,
          ),
        )}
      </div>
      <packet-transport></packet-transport>
      ${
        run.trace.thinnedBytes > 0
          ? html`<p class="thinned" role="status">
              ${icon('warning')} This run has become long: its oldest records (${formatQuantity('bytes', run.trace.thinnedBytes)})
              were let go to stay within memory.
            </p>`
          : nothing
      }
    </div>
    <div class="side" part="side">
      <div class="panels">
        ${run.scenario.lesson.length > 0 ? html`<div class="lesson"><packet-lesson></packet-lesson></div>` : nothing}
        ${
          wide
            ? nothing
            : switcher(layout, [
                ['faults', 'Break'],
                ...(hasKnobs ? [['knobs', 'Knobs'] as const] : []),
                ...(hasCharts(run) ? [['charts', 'Charts'] as const] : []),
                ...(hasCrowd(run) ? [['crowd', 'Crowd'] as const] : []),
                ...(hasRing(run) ? [['ring', 'Ring'] as const] : []),
                ...(hasPages(run) ? [['lanes', 'Lanes'] as const, ['waterfall', 'Loading'] as const] : []),
                ['events', 'Events'],
                ['inspector', 'Packet'],
              ])
        }
        <div class="panel" id="panel-faults" ?hidden=${!wide && !panels.has('faults')}><packet-faults></packet-faults></div>
        <div class="panel" id="panel-knobs" ?hidden=${!hasKnobs || (!wide && !panels.has('knobs'))}>
          <packet-knobs></packet-knobs>
        </div>
        <div class="panel" ?hidden=${!wide || run.state !== 'ended'}>
          ${scoped(views[active], html`<packet-claims .judge=${opened.judge}></packet-claims>`)}
        </div>
      </div>
    </div>
  </div>`
}

/** Instruments below. */
export function instruments(layout: Layout): TemplateResult {
  const { run, wide, panels, views, active } = layout
  const twice = (
    panel: keyof typeof TWIN_WORDS,
    isOffered: boolean,
    element: (view: RunView, index: number) => TemplateResult,
  ): TemplateResult =>
    html`<div id="panel-${panel}" class="twice ${views.length > 1 ? 'two' : ''}" ?hidden=${!isOffered || !panels.has(panel)}>
      ${views.map((view, index) => labelled(view, TWIN_WORDS[panel], element(view, index), panel === 'crowd' || panel === 'ring' ? undefined : layout.scales?.[panel]))}
    </div>`
  return html`${
      wide
        ? switcher(layout, [
            ...(hasCharts(run) ? [['charts', 'Charts'] as const] : []),
            ...(hasCrowd(run) ? [['crowd', 'Members of the crowd'] as const] : []),
            ...(hasRing(run) ? [['ring', 'Keys and servers'] as const] : []),
            ...(hasPages(run) ? [['lanes', 'Lanes of streams'] as const, ['waterfall', 'Loading of pages'] as const] : []),
            ['events', 'Packets and events'],
            ['inspector', 'Inside a packet'],
          ])
        : nothing
    }
    <div class="instruments ${panels.has('events') && panels.has('inspector') ? 'two' : ''}" part="instruments">
      ${twice(
        'charts',
        hasCharts(run),
        (view) =>
          html`<div class="charts">
            ${(view.run.scenario.charts ?? []).map((_, index) => html`<packet-chart .chart=${index}></packet-chart>`)}
          </div>`,
      )}
      ${twice('crowd', hasCrowd(run), () => html`<packet-crowd .host=${layout.crowd}></packet-crowd>`)}
      ${twice(
        'ring',
        hasRing(run),
        (view) =>
          html`<div class="charts">${balancersOf(view.run).map((host) => html`<packet-ring .host=${host}></packet-ring>`)}</div>`,
      )}
      ${twice(
        'lanes',
        hasPages(run),
        (_, index) =>
          html`<packet-lanes
            @packet-lanes-inspect=${(event: CustomEvent<number>) => {
              layout.inspect(index, event.detail)
            }}
          ></packet-lanes>`,
      )}
      ${twice(
        'waterfall',
        hasPages(run),
        (_, index) =>
          html`<packet-waterfall
            @packet-waterfall-inspect=${(event: CustomEvent<number>) => {
              layout.inspect(index, event.detail)
            }}
          ></packet-waterfall>`,
      )}
      ${viewChoice(layout)}
      ${scoped(
        views[active],
        html`<packet-events
            id="panel-events"
            ?hidden=${!panels.has('events')}
            @packet-events-inspect=${(event: CustomEvent<number>) => {
              layout.inspect(active, event.detail)
            }}
          ></packet-events>
          <packet-inspector id="panel-inspector" ?hidden=${!panels.has('inspector')}></packet-inspector>`,
      )}
    </div>`
}

function hasPages({ scenario }: Run): boolean {
  return scenario.hosts.some(({ apps }) => apps.some(({ app }) => app === 'browser'))
}

function hasCharts({ scenario }: Run): boolean {
  return scenario.charts !== undefined
}

function hasCrowd({ scenario }: Run): boolean {
  return scenario.hosts.some(({ replicas }) => replicas !== undefined)
}

/** Indices of the load balancers. */
function balancersOf({ scenario }: Run): number[] {
  return scenario.hosts.flatMap(({ apps }, host) => (apps.some(({ app }) => app === 'load-balancer') ? [host] : []))
}

/** Whether a load balancer goes by the hash of something, or the author wants to see it. */
function hasRing({ scenario }: Run): boolean {
  const strategies = scenario.hosts.flatMap(({ apps }) =>
    apps.map(({ app, options }) => app === 'load-balancer' && options.strategy),
  )
  return scenario.views.includes('ring') || strategies.some((strategy) => HASHING.has(String(strategy)))
}

/** What shows one run, with that run for all that is inside. */
function scoped({ run, selection }: RunView, content: TemplateResult, scale?: TimeScale): TemplateResult {
  return html`<packet-run-scope .run=${run} .selection=${selection} .scale=${scale}>${content}</packet-run-scope>`
}

/** The same below a heading that tells it from its twin. */
function labelled(view: RunView, of: string, content: TemplateResult, scale?: TimeScale): TemplateResult {
  const { label } = view
  return html`<div class="view" role=${label === '' ? nothing : 'group'} aria-label=${label === '' ? nothing : `${label}: ${of}`}>
    ${label === '' ? nothing : html`<h3 aria-hidden="true">${label}</h3>`} ${scoped(view, content, scale)}
  </div>`
}

/** Shows the two runs that the scenario compares, or one of them. */
function bothSwitch({ run, pair, isBoth, opened, showBoth }: Layout): TemplateResult | typeof nothing {
  if (opened.startPair === undefined) return nothing
  return html`<div class="both">
    <span>${pair === undefined ? '' : html`Same seed, same faults, one playhead; only <b>${pair.knob.label}</b> differs.`}</span>
    <label
      >Both at once<input
        type="checkbox"
        class="switch"
        role="switch"
        ?disabled=${run.state === 'loading'}
        .checked=${live(isBoth)}
        @change=${(event: Event) => {
          showBoth((event.target as HTMLInputElement).checked)
        }}
    /></label>
  </div>`
}

/** Which of two runs the list of packets and the inspector are about. */
function viewChoice({ views, active, chooseView, panels }: Layout): TemplateResult | typeof nothing {
  if (views.length < 2 || !(panels.has('events') || panels.has('inspector'))) return nothing
  return html`<fieldset class="view-choice">
    <legend class="visually-hidden">Packets of</legend>
    <span aria-hidden="true">Packets of</span>
    <div class="segmented">
      ${views.map(
        ({ label }, index) =>
          html`<label
            ><input
              type="radio"
              name="view"
              .checked=${live(index === active)}
              @change=${() => {
                chooseView(index)
              }}
            />${label}</label
          >`,
      )}
    </div>
  </fieldset>`
}

function switcher({ panels, showPanel }: Layout, choices: readonly (readonly [Panel, string])[]): TemplateResult {
  return html`<div class="switcher" role="group" aria-label="Panels">
    ${choices.map(
      ([panel, label]) =>
        html`<button
          aria-expanded=${panels.has(panel)}
          aria-controls="panel-${panel}"
          @click=${() => {
            showPanel(panel, !panels.has(panel))
          }}
        >
          ${label} ${icon('down')}
        </button>`,
    )}
  </div>`
}
