import '../../components/packet-faults/define.ts'
import { DEFAULT_LINK } from '../../src/kernel/link.ts'
import type { HostControls } from '../../components/packet-faults/host-controls.ts'
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
    const controls = inside<LinkControls>(element, 'packet-link-controls')
    for (const group of insideAll(controls, 'details') as HTMLDetailsElement[]) {
      group.open = true
      await settled(controls)
      await assertAccessible(element)
    }
    await open(element, 'host:1')
    const host = inside<HostControls>(element, 'packet-host-controls')
    for (const group of insideAll(host, 'details') as HTMLDetailsElement[]) {
      group.open = true
      await settled(host)
      await assertAccessible(element)
    }
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

  it('slows a processor down, sets a clock wrong, takes memory away, and puts each back by itself', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await open(element, 'host:1')
    const host = inside<HostControls>(element, 'packet-host-controls')
    const groups = insideAll(host, 'details') as HTMLDetailsElement[]
    same(
      groups.map((group) => words(group.querySelector('summary') ?? group)),
      ['Processor perfect', 'Clock perfect', 'Memory perfect', 'Files perfect'],
    )
    choose(inside<HTMLInputElement>(host, '#perPacket'), '1')
    await settled(host)
    choose(inside<HTMLInputElement>(host, '#clockDrift'), '100000')
    await settled(host)
    same(run.told, [
      '{"host":{"name":"bob","settings":{"perPacket":1000}}}',
      '{"host":{"name":"bob","settings":{"clockDrift":100000}}}',
    ])
    match(words(groups[0]), /Processor 1 µs/)
    match(words(groups[1]), /Clock by 10 %/)
    await settled(element)
    match(words(inside(element, '.active')), /bob: processor, time for each packet 1 µs instead of none/)
    match(words(inside(element, '.active')), /bob: clock, too fast by 10 % instead of not at all/)
    groups[0].querySelector<HTMLButtonElement>('.reset:not(:disabled)')?.click()
    await settled(host)
    equal(run.told[2], '{"host":{"name":"bob","settings":{"perPacket":null}}}')
    const [, { settings, baseline }] = networkOf(run).machines
    same([settings.perPacket, settings.clockDrift, baseline.clockDrift], [0, 100_000, 0])
  })

  it('has every setting of a link in one of five groups, of which one is open at a time', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await open(element, 'link:0')
    const link = inside<LinkControls>(element, 'packet-link-controls')
    const groups = insideAll(link, 'details') as HTMLDetailsElement[]
    same(
      groups.map((group) => words(group.querySelector('summary') ?? group)),
      ['Delay 20 ms', 'Rate and queue 10 Mbit/s, drop-tail', 'Loss none', 'Corruption and order none', 'Cut whole'],
    )
    ok(
      groups.every((group) => !group.open),
      'all are closed at first',
    )
    groups[0].open = true
    groups[2].open = true
    await settled(link)
    same(
      groups.map((group) => group.open),
      [false, false, true, false, false],
    )
    // What only matters with another setting comes with it.
    equal(insideAll(link, '#codelTarget').length, 0)
    choose(inside<HTMLSelectElement>(link, '#discipline'), 'fq-codel')
    await settled(link)
    equal(insideAll(link, '#codelTarget').length, 1)
    equal(insideAll(link, '#redMin').length, 0)
    await run.intervene({
      link: {
        name: 'alice-bob',
        settings: {
          discipline: 'red',
          jitter: MS,
          rate: 5,
          bucket: 5,
          loss: 0.1,
          burstEnter: 0.1,
          corrupt: 0.1,
          reorder: 0.1,
          flapEvery: MS,
        },
      },
    })
    await settled(link)
    const red = insideAll(link, '.setting [id]').map(({ id }) => id)
    await run.intervene({ link: { name: 'alice-bob', settings: { discipline: 'fq-codel' } } })
    await settled(link)
    const fair = insideAll(link, '.setting [id]').map(({ id }) => id)
    // Packets are struck by hand on the stage, not by their numbers in a list.
    const byHand = ['dropList', 'corruptList']
    same([...new Set([...red, ...fair, ...byHand, 'up'])].sort(), Object.keys(DEFAULT_LINK).sort())
  })

  it('sets words, switches and lists; says what it cannot read', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    const notices: string[] = []
    element.addEventListener('packetarium-notice', (event) => notices.push((event as CustomEvent<{ text: string }>).detail.text))
    await open(element, 'link:0')
    const link = inside<LinkControls>(element, 'packet-link-controls')
    choose(inside<HTMLSelectElement>(link, 'select'), '0')
    await settled(link)
    await slide(link, 'discipline', 'codel')
    inside<HTMLInputElement>(link, '#ecn').click()
    await settled(link)
    await slide(link, 'lossList', '3, 7 12')
    await slide(link, 'lossList', '3, seven')
    await slide(link, 'flaps', '5 s for 200 ms, 9 s for 1 s')
    equal(inside<HTMLInputElement>(link, '#lossList').value, '3, 7, 12')
    same(
      run.told
        .map((each) => (JSON.parse(each) as { link: { direction: number; settings: unknown } }).link)
        .map(({ direction, settings }) => [direction, settings]),
      [
        [0, { discipline: 'codel' }],
        [0, { ecn: true }],
        [0, { lossList: [3, 7, 12] }],
        [
          0,
          {
            flaps: [
              { at: 5000 * MS, for: 200 * MS },
              { at: 9000 * MS, for: 1000 * MS },
            ],
          },
        ],
      ],
    )
    equal(notices.length, 1)
    match(notices[0], /Packets by number: write it such as 3, 7, 12/)
    same(insideAll(element, '.active .words').map(words), [
      'alice → bob: queue discipline CoDel instead of drop-tail',
      'alice → bob: ECN marking on instead of off',
      'alice → bob: packets by number #3, #7, #12 instead of none',
      'alice → bob: goes down at 5 s for 200 ms, 9 s for 1 s instead of none',
    ])
  })

  it('putting back, or choosing what would be so anyway, clears and does not pin', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await open(element, 'link:0')
    const link = inside<LinkControls>(element, 'packet-link-controls')
    await slide(link, 'loss', '0.25')
    await slide(link, 'loss', '0')
    await slide(link, 'corrupt', '0.5')
    button(link, 'Put bit errors back').click()
    await settled(link)
    same(run.told.slice(1), [
      '{"link":{"name":"alice-bob","settings":{"loss":null}}}',
      '{"link":{"name":"alice-bob","settings":{"corrupt":0.5}}}',
      '{"link":{"name":"alice-bob","settings":{"corrupt":null}}}',
    ])
    equal(insideAll(element, '.active').length, 0)
  })

  it('cuts one direction, and heals it', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-faults', { run })
    await open(element, 'link:0')
    const link = inside<LinkControls>(element, 'packet-link-controls')
    choose(inside<HTMLSelectElement>(link, 'select'), '1')
    await settled(link)
    button(link, 'Cut this direction').click()
    await settled(link)
    match(words(inside(element, '.active')), /bob → alice is cut/)
    button(link, 'Heal this direction').click()
    await settled(link)
    same(run.told, [
      '{"link":{"name":"alice-bob","direction":1,"settings":{"up":false}}}',
      '{"link":{"name":"alice-bob","direction":1,"settings":{"up":null}}}',
    ])
  })

  it('a cable that the schedule has down is no fault of anybody’s', async () => {
    const run = new ScriptedRun(scriptedTrace(), {
      ...SCENARIO,
      links: SCENARIO.links.map((link) => ({
        ...link,
        settings: [
          { ...link.settings[0], flapEvery: 50 * MS, flapFor: 10 * MS },
          { ...link.settings[1], flapEvery: 50 * MS, flapFor: 10 * MS },
        ],
      })),
    })
    const element = await mount('packet-faults', { run })
    await open(element, 'link:0')
    const cut = (): string => words(inside(inside(element, 'packet-link-controls'), 'details[data-group=cut] .now'))
    run.goTo(40 * MS)
    await settled(element)
    equal(cut(), 'whole, but flaps')
    run.goTo(55 * MS)
    await settled(element)
    await settled(inside(element, 'packet-link-controls'))
    equal(cut(), 'down by schedule')
    equal(insideAll(element, '.active').length, 0)
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
    same(run.told.slice(3), [
      '{"link":{"name":"alice-bob","settings":{"loss":null}}}',
      '{"heal":"alice-bob"}',
      '{"resume":"bob"}',
    ])
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
