import '../../components/packet-ring/define.ts'
import type { PacketRing } from '../../components/packet-ring/packet-ring.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, inside, insideAll, mount, settled, unmount, words } from './mount.ts'
import { SCENARIO, ScriptedRun } from './scripted-run.ts'

const MS = 1_000_000
const QUARTER = 0x4000_0000

function happened(time: number, name: string, data: EventRecord['data']): EventRecord {
  return { id: time * 1024 + 1, time, host: 1, member: 0, name, connection: '', data, cause: 0 }
}

const picked = (at: number, key: string, hash: number, backend: string, more: EventRecord['data'] = {}): EventRecord =>
  happened(at * MS, 'balancer:picked', { backend, target: key, hash, strategy: 'ring', attempt: 1, ...more })

const built = (at: number, servers: string[], shares: number[], ends: number[], owners: number[]): EventRecord =>
  happened(at * MS, 'balancer:ring-built', { servers, shares, ends, owners })

/** Two servers with half of the ring each; then the second goes, and its key with it. */
const EVENTS: readonly EventRecord[] = [
  built(1, ['s1', 's2'], [0.5, 0.5], [QUARTER, 2 * QUARTER, 3 * QUARTER, 4 * QUARTER - 1], [0, 1, 0, 1]),
  picked(1, '/a', QUARTER / 2, 's1'),
  picked(2, '/b', 1.5 * QUARTER, 's2'),
  picked(3, '/c', 2.5 * QUARTER, 's1'),
  // Not answered, and sent to another: no key has moved by that.
  picked(20, '/b', 1.5 * QUARTER, 's2'),
  picked(21, '/b', 1.5 * QUARTER, 's1', { attempt: 2 }),
  happened(30 * MS, 'balancer:backend-changed', { backend: 's2', state: 'down' }),
  built(31, ['s1'], [1], [4 * QUARTER - 1], [0]),
  picked(31, '/b', 1.5 * QUARTER, 's1'),
  picked(32, '/a', QUARTER / 2, 's1'),
]

async function shown(time: number, events = EVENTS): Promise<{ element: PacketRing; run: ScriptedRun }> {
  const run = new ScriptedRun()
  const hosts = SCENARIO.hosts.map((host, i) => (i === 1 ? { ...host, apps: [{ app: 'load-balancer', options: {} }] } : host))
  Object.assign(run, { scenario: { ...run.scenario, hosts } })
  run.trace.allEvents.splice(0, Infinity, ...events)
  await run.seek(time * MS)
  const element = await mount('packet-ring', { run })
  element.style.width = '600px'
  await settled(element)
  return { element, run }
}

const cells = (element: Element): string[][] =>
  insideAll(element, 'tbody tr').map((row) => [...row.children].map((cell) => words(cell)))

describe('<packet-ring>', () => {
  afterEach(unmount)

  it('draws whose the pieces of the ring are, and tells it in a table', async () => {
    const { element } = await shown(10)
    equal(words(inside(element, 'h4')), 'bob ring')
    same(cells(element), [
      ['s1', '50 %', '2'],
      ['s2', '50 %', '1'],
    ])
    const pieces = insideAll(element, '.piece').map((piece) => piece.getAttribute('d') ?? '')
    same(
      pieces.map((path) => path.split('M').length - 1),
      [2, 2],
    )
    match(inside(element, 'svg').getAttribute('aria-label') ?? '', /^3 keys on a circle, a ring of 4 pieces, 2 servers/)
    await assertAccessible(element)
  })

  it('counts which keys moved when a server went, and not who was only asked in its place', async () => {
    const { element, run } = await shown(40)
    same(cells(element), [
      ['s1', '100 %', '3', '1', '0'],
      ['s2 out', '–', '0', '0', '1'],
    ])
    match(words(inside(element, '[part=changes] li')), /^30 ms s2 down: 1 of 2 keys moved, 50 %$/)
    await assertAccessible(element)
    button(element, 'Go to 30 ms').click()
    await settled(element)
    equal(run.playhead, 30 * MS)
    match(words(inside(element, '[part=changes] li')), /no key was asked for again yet$/)
    await run.seek(25 * MS)
    await settled(element)
    equal(element.renderRoot.querySelector('[part=changes]'), null, 'going back, it has not happened')
    equal(cells(element)[1][2], '1')
  })

  it('shows requests on their way, at the playhead', async () => {
    const { element, run } = await shown(3)
    const under = (): number => insideAll(element, '.pick').length
    equal(under(), 3)
    await run.seek(19 * MS)
    await settled(element)
    equal(under(), 0)
  })

  it('lets one server stand out, by keyboard, too', async () => {
    const { element } = await shown(10)
    const chosen = inside<HTMLButtonElement>(element, 'tbody tr:last-child button')
    chosen.focus()
    chosen.click()
    await settled(element)
    equal(chosen.getAttribute('aria-pressed'), 'true')
    same(
      insideAll(element, '.piece').map((piece) => piece.classList.contains('faint')),
      [true, false],
    )
  })

  it('says where there is no ring, and where nothing was asked for', async () => {
    const { element } = await shown(
      10,
      EVENTS.filter(({ name }) => name === 'balancer:picked').map((event) => ({
        ...event,
        data: { ...event.data, strategy: 'modulo' },
      })),
    )
    match(words(inside(element, '.hint')), /^By modulo there is no ring/)
    ok(
      insideAll(element, '.piece').every((piece) => piece.getAttribute('d') === ''),
      'none is drawn',
    )
    unmount()
    const empty = await shown(0)
    match(words(inside(empty.element, '.hint')), /^Nothing has been asked for yet/)
  })
})
