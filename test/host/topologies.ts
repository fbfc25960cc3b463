import type { LinkSettings } from '../../src/kernel/link.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { World, type HostPlan } from './world.ts'

type Body = (context: AppContext) => Blocking<void>

function plan(apps: Body | readonly Body[] | undefined): HostPlan {
  return apps === undefined ? {} : { apps: typeof apps === 'function' ? [apps] : apps }
}

/** alice 10.0.0.1 – bob 10.0.0.2, on one cable. */
export function pair(
  alice?: Body | readonly Body[],
  bob?: Body | readonly Body[],
  options: Partial<LinkSettings> & { seed?: number; mtu?: number; tcp?: Record<string, unknown> } = {},
): World {
  const { seed = 1, tcp = {}, ...link } = options
  return new World({
    seed,
    hosts: { alice: { ...plan(alice), tcp, names: { bob: '10.0.0.2' } }, bob: { ...plan(bob), tcp } },
    links: [{ between: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24'], ...link }],
  })
}

/** alice 10.0.1.1 – router .254 – bob 10.0.2.1. The MTU is that of the second link. */
export function routed(
  alice?: Body | readonly Body[],
  bob?: Body | readonly Body[],
  options: { seed?: number; mtu?: number; link?: Partial<LinkSettings>; tcp?: Record<string, unknown> } = {},
): World {
  const { seed = 1, mtu = 1500, link = {}, tcp = {} } = options
  return new World({
    seed,
    hosts: {
      alice: { ...plan(alice), gateway: '10.0.1.254', tcp },
      router: { kind: 'router' },
      bob: { ...plan(bob), gateway: '10.0.2.254', tcp },
    },
    links: [
      { between: ['alice 10.0.1.1/24', 'router 10.0.1.254/24'], ...link },
      { between: ['router 10.0.2.254/24', 'bob 10.0.2.1/24'], mtu, ...link },
    ],
  })
}

/** alice 10.0.0.1, bob 10.0.0.2 and carol 10.0.0.3 on one switch, in the order of its ports. */
export function switched(alice?: Body | readonly Body[], bob?: Body | readonly Body[], carol?: Body | readonly Body[]): World {
  return new World({
    hosts: { alice: plan(alice), bob: plan(bob), carol: plan(carol), switch: { kind: 'switch' } },
    links: [
      { between: ['alice 10.0.0.1/24', 'switch'] },
      { between: ['bob 10.0.0.2/24', 'switch'] },
      { between: ['carol 10.0.0.3/24', 'switch'] },
    ],
  })
}

/** alice 10.0.1.1 – r1 –(an MTU of its own)– r2 – bob 10.0.3.1: neither end sees that the middle is narrow. */
export function narrow(
  alice: Body,
  bob: Body,
  mtu: number,
  options: { tcp?: Record<string, unknown>; router?: { icmpErrors?: boolean; clampsMss?: boolean } } = {},
): World {
  const { tcp = {}, router = {} } = options
  return new World({
    hosts: {
      alice: { ...plan(alice), gateway: '10.0.1.2', tcp },
      r1: { kind: 'router', gateway: '10.0.2.2', ...router },
      r2: { kind: 'router', gateway: '10.0.2.1', ...router },
      bob: { ...plan(bob), gateway: '10.0.3.2', tcp },
    },
    links: [
      { between: ['alice 10.0.1.1/24', 'r1 10.0.1.2/24'] },
      { between: ['r1 10.0.2.1/24', 'r2 10.0.2.2/24'], mtu },
      { between: ['r2 10.0.3.2/24', 'bob 10.0.3.1/24'] },
    ],
  })
}
