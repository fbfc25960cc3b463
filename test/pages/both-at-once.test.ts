import '../../components/packet-playground/define.ts'
import type { Engine, StartOptions } from '../../components/packet-playground/engine.ts'
import type { PacketPlayground } from '../../components/packet-playground/packet-playground.ts'
import { PacketPlayground as Playground } from '../../components/packet-playground/packet-playground.ts'
import { PageRun } from '../../src/run/page-run.ts'
import { PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { inside, insideAll, mount, settled, unmount, until, words } from './mount.ts'

/*
 * The whole of it, with real runs: one page over HTTP/2 and over HTTP/3, on one playhead.
 */

const MS = 1_000_000

const PICTURES = ['/1.webp', '/2.webp', '/3.webp', '/4.webp']

const source = {
  id: 'switch',
  title: 'The switch',
  seed: 3,
  duration: '20 s',
  speed: 0.02,
  hosts: {
    alice: { app: 'browser', visits: 'https://server/', protocols: ['h2'], staticArp: true },
    server: {
      app: 'web-server',
      protocols: ['h3', 'h2'],
      tls: {},
      staticArp: true,
      serves: { '/': { size: '3 kB', resources: PICTURES }, ...Object.fromEntries(PICTURES.map((path) => [path, '15 kB'])) },
    },
  },
  links: [{ between: ['alice', 'server'], rate: '10 Mbit/s', delay: '25 ms' }],
  knobs: {
    protocol: {
      label: 'Protocol',
      choices: [
        { value: 'h2', label: 'HTTP/2', sets: { 'hosts.alice.protocols': ['h2'] } },
        { value: 'h3', label: 'HTTP/3', sets: { 'hosts.alice.protocols': ['h3'] } },
      ],
    },
  },
  compare: { knob: 'protocol', values: ['h2', 'h3'] },
  colorBy: 'stream',
  views: ['lanes', 'waterfall'],
}

type Knobs = NonNullable<StartOptions['knobs']>

const resolve = (knobs: Knobs = {}) => resolveScenario(source, { knobs })
const begin = (knobs: Knobs | undefined, { log }: StartOptions) =>
  PageRun.start(resolve(knobs), { placement: 'inline', log, rebuild: resolve })

const engine: Engine = {
  list: [],
  open: (_, { knobs }) =>
    Promise.resolve({
      scenario: resolve(knobs),
      source,
      usualKnobs: { protocol: 'h2' },
      judge: () => [],
      parseLog: (log) => parseInterventions(log, resolve()),
      start: (options) => begin(options.knobs ?? knobs, options),
      startPair: async (options) => {
        const given = options.knobs ?? knobs ?? {}
        const runs = [
          await begin({ ...given, protocol: 'h2' }, options),
          await begin({ ...given, protocol: 'h3' }, options),
        ] as const
        return new PairRun(runs, { name: 'protocol', label: 'Protocol', values: ['HTTP/2', 'HTTP/3'] })
      },
    }),
}

async function ready(width: number): Promise<{ element: PacketPlayground; pair: PairRun }> {
  document.body.style.width = `${String(width)}px`
  const element = await mount('packet-playground', { source })
  await until(() => element.run?.state === 'paused', 'the runs')
  await settled(element)
  return { element, pair: element.run as PairRun }
}

/** What stands below the heading of one of the two runs. */
const view = (element: Element, of: string): HTMLElement => {
  const found = insideAll(element, '.view').find((each) => each.getAttribute('aria-label') === of)
  if (found === undefined) throw new Error(`no view ${of}`)
  return found
}
const sentence = (element: Element, protocol: string): string => {
  const lanes = view(element, `${protocol}: lanes of streams`).querySelector('packet-lanes')
  return lanes === null ? '' : words(inside(lanes, '.now'))
}
const flying = ({ trace }: Run): FrameRecord[] => [
  ...trace.frames(({ direction, fate, length }) => direction === 1 && fate === 'in-flight' && length > 1000),
]
/** Numbers on the link of the packets that were dropped by hand on the way to Alice. */
const dropped = ({ trace }: Run): number[] =>
  [...trace.frames(({ direction, fate }) => direction === 1 && fate !== 'queued')]
    .sort((a, b) => a.sent - b.sent)
    .flatMap(({ fate }, index) => (fate === 'dropped-by-hand' ? [index + 1] : []))

describe('HTTP/2 and HTTP/3, both at once', () => {
  const { loadEngine } = Playground
  beforeEach(() => {
    Playground.loadEngine = () => Promise.resolve(engine)
  })
  afterEach(() => {
    unmount()
    Playground.loadEngine = loadEngine
    document.body.style.width = ''
    history.replaceState(null, '', location.pathname + location.search)
  })

  it('a packet dropped in one is dropped in both; the lanes say who waited, and for whom', async () => {
    const { element, pair } = await ready(1280)
    // One of HTTP/2 that has others behind it, and whose number there is in HTTP/3, too.
    await pair.seek(200 * MS)
    const struck = flying(pair.sides[0]).at(-1)
    ok(struck !== undefined, 'nothing flies')
    view(element, 'HTTP/2: network')
      .querySelector('packet-stage')
      ?.dispatchEvent(
        new CustomEvent('packet-stage-activate', { detail: { target: { kind: 'frame', number: struck.number }, x: 0, y: 0 } }),
      )
    await until(() => pair.log.length === 1 && pair.playhead > 200 * MS, 'the packet to be struck')
    await pair.seek(3000 * MS)
    await settled(element)
    const numbers = pair.sides.map(dropped)
    equal(numbers[0].length, 1)
    same(numbers[0], numbers[1])
    match(sentence(element, 'HTTP/2'), /^Nothing is held back\. \d streams? waited for bytes of others, /)
    match(
      sentence(element, 'HTTP/3'),
      /^Nothing is held back\. No stream has waited for bytes of others, 1 for bytes of its own\.$/,
    )
  })

  it('flipped while it plays: goes on with the one run from where both were, and back, with what was done', async () => {
    const { element, pair } = await ready(390)
    await pair.seek(200 * MS)
    const [struck] = flying(pair.sides[1])
    ok(struck !== undefined, 'nothing flies')
    await pair.sides[1].intervene({ drop: { frame: struck.number } })
    pair.speed = 0.01
    pair.play()
    const flip = (): void => {
      inside(element, '.both input').click()
    }
    flip()
    await until(() => element.run !== pair && element.run?.state === 'playing', 'one run that plays')
    const one = element.run
    ok(one !== undefined && one.playhead >= 200 * MS, 'it began anew')
    equal(one.speed, 0.01)
    equal(one.knobs['protocol'], 'h2')
    same(dropped(one), dropped(pair.sides[0]))
    equal(insideAll(element, 'packet-stage').length, 1)
    flip()
    await until(() => element.run !== one && element.run?.state === 'playing', 'both, playing')
    await settled(element)
    const both = element.run as PairRun
    both.pause()
    equal(insideAll(element, 'packet-stage').length, 2)
    same(both.sides.map(dropped), pair.sides.map(dropped))
  })

  it('its link brings both again, with the packet that was dropped', async () => {
    const { element, pair } = await ready(1280)
    await pair.seek(200 * MS)
    await pair.sides[0].intervene({ drop: { frame: flying(pair.sides[0])[0].number } })
    let link = ''
    Object.defineProperty(navigator, 'clipboard', {
      configurable: true,
      value: { writeText: (text: string) => Promise.resolve((link = text)) },
    })
    insideAll(element, 'button')
      .find((each) => each.getAttribute('aria-label') === 'Copy a link to this')
      ?.click()
    await until(() => link !== '', 'the link')
    Reflect.deleteProperty(navigator, 'clipboard')
    const at = pair.playhead
    const capture = await Promise.all(pair.sides.map((side) => side.capture({ kind: 'links' })))
    unmount()
    history.replaceState(null, '', link)
    const again = await ready(1280)
    await until(() => again.pair.playhead === at, 'the place')
    same(again.pair.log, pair.log)
    const captureAgain = await Promise.all(again.pair.sides.map((side) => side.capture({ kind: 'links' })))
    same(
      captureAgain.map((bytes) => bytes.length),
      capture.map((bytes) => bytes.length),
    )
    ok(
      captureAgain.every((bytes, side) => bytes.every((byte, index) => byte === capture[side][index])),
      'the captures differ',
    )
  })

  it('the packets of either can be listed and looked into', async () => {
    const { element, pair } = await ready(1280)
    await pair.seek(150 * MS)
    insideAll(element, '.switcher button')
      .find((each) => words(each).startsWith('Packets'))
      ?.click()
    await settled(element)
    const choices = insideAll(element, '.view-choice label')
    same(choices.map(words), ['HTTP/2', 'HTTP/3'])
    choices[1].click()
    await settled(element)
    const events = inside<HTMLElement & { run: Run }>(element, 'packet-events')
    equal(events.run, pair.sides[1])
    choices[0].click()
    await settled(element)
    equal(events.run, pair.sides[0])
  })

  for (const theme of ['light', 'dark']) {
    for (const width of [390, 1280]) {
      it(`stands ${width < 900 ? 'below each other' : 'side by side'} at ${String(width)} px, ${theme}; axe finds nothing`, async () => {
        const { element, pair } = await ready(width)
        element.theme = theme
        await pair.seek(250 * MS)
        await settled(element)
        await settled(element)
        const [first, second] = insideAll(element, 'packet-stage').map((stage) => stage.getBoundingClientRect())
        if (width < 900) ok(second.top >= first.bottom, 'the stages overlap')
        else ok(second.left >= first.right && Math.abs(second.top - first.top) < 1, 'they are not side by side')
        const [one, other] = insideAll(element, 'packet-lanes').map((lanes) => lanes.getBoundingClientRect())
        ok(width < 900 ? other.top >= one.bottom : other.left >= one.right, 'the lanes overlap')
        ok(one.height > 300 && other.height === one.height, 'lanes of another height')
        const edge = element.getBoundingClientRect().right + 1
        for (const each of insideAll(element, '.playground *')) {
          if (!each.checkVisibility() || each.closest('.visually-hidden, dialog, [popover]') !== null) continue
          ok(each.getBoundingClientRect().right <= edge, `${each.localName}.${each.className} sticks out`)
        }
        await assertAccessible(element)
      })
    }
  }
})
