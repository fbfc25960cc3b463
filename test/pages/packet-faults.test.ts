import '../../components/packet-faults/define.ts'
import type { LinkControls } from '../../components/packet-faults/link-controls.ts'
import type { PacketFaults } from '../../components/packet-faults/packet-faults.ts'
import { networkOf } from '../../components/network-state.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, choose, inside, insideAll, mount, replace, settled, unmount, until, words } from './mount.ts'
import { MS, SCENARIO, ScriptedRun, scriptedTrace } from './scripted-run.ts'

async function open(element: PacketFaults, target: string): Promise<void> {
  choose(inside<HTMLSelectElement>(element, '#target'), target)
  await settled(element)
  await settled(element)
}

async function slide(element: LinkControls, id: string, value: string): Promise<void> {
  choose(inside<HTMLInputElement>(element, `#${id}`), value)
  await settled(element)
}

describe('<packet-faults>', () => {
  afterEach(unmount)

  it('is accessible, with everything open and broken', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await assertAccessible(element)
    await run.intervene({ cut: 'alice-bob' })
    await run.intervene({ kill: 'bob' })
    await open(element, 'link:0')
    inside<HTMLDetailsElement>(element, 'packet-link-controls', 'details').open = true
    await assertAccessible(element)
    await open(element, 'host:1')
    await assertAccessible(element)
  })

  it('chooses what a click on a packet does, and tells', async () => {
    const element = await mount('packet-faults', { run: new ScriptedRun() })
    let told = 0
    element.addEventListener('packet-faults-mode', () => told++)
    equal(element.chosenMode, 'drop')
    insideAll(element, 'input[name=mode]')[2].click()
    equal(element.chosenMode, 'inspect')
    equal(told, 1)
  })

  it('offers only what the scenario offers', async () => {
    const run = new ScriptedRun(scriptedTrace(), { ...SCENARIO, faults: ['corrupt'] })
    const element = await mount('packet-faults', { run })
    equal(insideAll(element, 'input[name=mode]').length, 2)
    equal(element.chosenMode, 'corrupt')
    equal(insideAll(element, '#target').length, 0)
  })

  it('sets one thing of a link and leaves the others alone', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await open(element, 'link:0')
    const link = inside<LinkControls>(element, 'packet-link-controls')
    await slide(link, 'loss', '0.25')
    same(run.told, ['{"link":{"name":"alice-bob","settings":{"loss":0.25}}}'])
    match(words(inside(element, '.active')), /alice – bob: loss 25 % instead of 0 %/)
    choose(inside<HTMLSelectElement>(link, 'select'), '1')
    await settled(link)
    await slide(link, 'delay', '0')
    equal(run.told[1], '{"link":{"name":"alice-bob","settings":{"delay":10000},"direction":1}}')
    const [{ settings }] = networkOf(run).links
    same([settings[0].loss, settings[0].delay, settings[1].loss, settings[1].delay], [0.25, 20 * MS, 0.25, 10_000])
  })

  it('clears one fault and leaves the others in force', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await run.intervene({ link: { name: 'alice-bob', settings: { loss: 0.5 } } })
    await run.intervene({ cut: 'alice-bob' })
    await run.intervene({ pause: 'bob' })
    await settled(element)
    equal(insideAll(element, '.active li').length, 3)
    button(element, 'Clear: alice – bob: loss 50 % instead of 0 %').click()
    await settled(element)
    equal(insideAll(element, '.active li').length, 2)
    button(element, 'Clear all').click()
    await until(() => insideAll(element, '.active').length === 0, 'all to be cleared')
    same(run.told.slice(3), ['{"link":{"name":"alice-bob","settings":{"loss":0}}}', '{"heal":"alice-bob"}', '{"resume":"bob"}'])
  })

  it('cuts and heals a link; kills, restarts, pauses and resumes a host', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    const act = async (part: string, label: string): Promise<void> => {
      const panel = inside(element, part)
      button(panel, label).click()
      await settled(panel)
    }
    await open(element, 'link:0')
    await act('packet-link-controls', 'Cut the cable')
    await act('packet-link-controls', 'Heal the cable')
    await open(element, 'host:1')
    for (const label of ['Pause', 'Resume', 'Kill', 'Restart']) await act('packet-host-controls', label)
    same(run.told, [
      '{"cut":"alice-bob"}',
      '{"heal":"alice-bob"}',
      '{"pause":"bob"}',
      '{"resume":"bob"}',
      '{"kill":"bob"}',
      '{"restart":"bob"}',
    ])
  })

  it('shows the faults of the time that is shown', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    run.goTo(50 * MS)
    await run.intervene({ cut: 'alice-bob' })
    await settled(element)
    equal(insideAll(element, '.active li').length, 1)
    run.goTo(40 * MS)
    await settled(element)
    equal(insideAll(element, '.active li').length, 0)
  })

  it('lists what was done, goes there, and undoes one entry', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    run.goTo(50 * MS)
    await run.intervene({ kill: 'bob' })
    run.goTo(60 * MS)
    await run.intervene({ restart: 'bob' })
    run.goTo(70 * MS)
    await settled(element)
    same(insideAll(element, '.log li .words').map(words), ['Killed bob', 'Restarted bob'])
    run.told.length = 0
    button(element, 'Undo: Killed bob').click()
    await settled(element)
    same(run.told, ['restart 1', `seek ${String(70 * MS)}`])
    same(run.log, [{ restart: 'bob', at: 60 * MS }])
  })

  it('loads a file of interventions, and says what is wrong with another', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    const notices: string[] = []
    element.addEventListener('packetarium-notice', (event) => notices.push((event as CustomEvent<{ text: string }>).detail.text))
    const input = inside<HTMLInputElement>(element, 'input[type=file]')
    const load = async (text: string): Promise<void> => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([text], 'log.json', { type: 'application/json' }))
      input.files = transfer.files
      input.dispatchEvent(new Event('change'))
      const count = notices.length
      await until(() => notices.length > count, 'a notice')
    }
    await load('[{"at": "120 ms", "drop": {"frame": 5}}, {"at": "1 s", "kill": "bob"}]')
    same(run.log, [
      { drop: { frame: 5 }, at: 120 * MS },
      { kill: 'bob', at: 1000 * MS },
    ])
    await load('[{"at": "120 ms", "kill": "nobody"}]')
    match(notices[1], /log\.json: \[0\]\.kill: found "nobody"/)
    await load('not JSON')
    match(notices[2], /log\.json: .*JSON/)
    equal(run.log.length, 2, 'the log is as it was')
  })

  it('saves a file that it can load', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    run.goTo(50 * MS)
    await run.intervene({ link: { name: 'alice-bob', direction: 1, settings: { loss: 0.02 } } })
    await settled(element)
    let saved: Blob | undefined
    replace(URL, 'createObjectURL', (blob) => {
      saved = blob as Blob
      return 'blob:none'
    })
    replace(HTMLAnchorElement.prototype, 'click', () => undefined)
    button(element, 'Save').click()
    await until(() => saved !== undefined, 'the file')
    ok(saved, 'nothing was saved')
    same(JSON.parse(await saved.text()), [{ at: '50 ms', link: { name: 'alice-bob', direction: 'backward', loss: '2 %' } }])
  })
})

describe('<packet-target-menu>', () => {
  afterEach(unmount)

  it('opens within the window, wherever it was asked for, and closes by its button', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-target-menu', { run })
    for (const [x, y] of [
      [0, 0],
      [innerWidth, innerHeight],
      [innerWidth / 2, innerHeight / 2],
    ] as const) {
      await element.open({ kind: 'link', index: 0 }, x, y)
      const box = inside(element, '.menu').getBoundingClientRect()
      ok(
        box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight,
        `out of the window at ${String(x)}`,
      )
    }
    await assertAccessible(element)
    button(element, 'Close').click()
    equal(inside(element, '.menu').matches(':popover-open'), false)
  })
})
