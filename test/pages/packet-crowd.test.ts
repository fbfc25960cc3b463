import '../../components/packet-crowd/define.ts'
import type { PacketCrowd } from '../../components/packet-crowd/packet-crowd.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, choose, inside, insideAll, mount, settled, unmount, words } from './mount.ts'
import { StormRun } from './storm-run.ts'

const MS = 1_000_000
const SECOND = 1000 * MS

async function shown(time: number): Promise<{ element: PacketCrowd; run: StormRun }> {
  const run = new StormRun(200, 2)
  await run.seek(time)
  const element = await mount('packet-crowd', { run })
  return { element, run }
}

const counts = (element: Element): Record<string, number> =>
  Object.fromEntries(
    insideAll(element, 'tbody tr').map((row) => [words(row.children[0]), Number(words(row.children[1]).replaceAll(',', ''))]),
  )

describe('<packet-crowd>', () => {
  afterEach(unmount)

  it('says how many members are in which state, at the playhead', async () => {
    const { element, run } = await shown(5 * SECOND)
    const now = counts(element)
    equal(
      Object.values(now).reduce((sum, count) => sum + count, 0),
      200,
    )
    ok(now['backing off'] > 0, 'some back off')
    await run.seek(0)
    await settled(element)
    const first = counts(element)
    ok(first['idle'] > 190 && first['gone'] === 0, 'at the beginning they have not begun')
    await assertAccessible(element)
  })

  it('picks out one that is backing off, and tells what it did', async () => {
    const { element, run } = await shown(5 * SECOND)
    button(element, 'Pick one that is backing off').click()
    await settled(element)
    match(words(inside(element, '[part=member] .state')), /^backing off for /)
    const times = insideAll(element, '[part=member] ol:last-of-type li').map((line) => words(line))
    ok(times.length > 0, 'it did something')
    await assertAccessible(element)
    inside(element, '[part=member] ol li button').click()
    await settled(element)
    ok(run.playhead < 5 * SECOND, 'a click goes to when it was')
  })

  it('finds a member by its number, and watches, kills and pauses it', async () => {
    const { element, run } = await shown(3 * SECOND)
    choose(inside<HTMLInputElement>(element, 'input'), '37')
    inside<HTMLInputElement>(element, 'input').dispatchEvent(new Event('input'))
    await settled(element)
    button(element, 'Find').click()
    await settled(element)
    match(words(inside(element, '[part=member] h4')), /^clients\[37\] 10\.0\.0\.38$/)
    button(element, 'Watch closely').click()
    await settled(element)
    equal(button(element, 'Watched').getAttribute('aria-pressed'), 'true')
    button(element, 'Pause').click()
    await settled(element)
    match(words(inside(element, '[part=member] .state')), /, paused$/)
    button(element, 'Kill').click()
    same(
      run.log.map(({ at: _, ...action }) => action),
      [{ watch: 'clients[37]' }, { pause: 'clients[37]' }, { kill: 'clients[37]' }],
    )
    button(element, 'Let go').click()
    await settled(element)
    equal(element.renderRoot.querySelector('[part=member]'), null)
  })

  it('says nothing where there is no crowd', async () => {
    const run = new StormRun(200, 2)
    Object.assign(run, { scenario: { ...run.scenario, hosts: run.scenario.hosts.map(({ replicas: _, ...host }) => host) } })
    const element = await mount('packet-crowd', { run })
    equal(words(element.renderRoot.firstElementChild), '')
  })
})
