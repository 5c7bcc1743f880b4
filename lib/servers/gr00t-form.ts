// How GR00T writes values: an array of numpy is a map with a file of numpy, and a request names its endpoint.

import { type ServerArray, toPackable } from './arrays.ts';
import type { Read } from './messages.ts';
import { type Frame, type Packable, pack, unpack } from './msgpack.ts';
import { fromNpy, toNpy } from './npy.ts';

/** Returns the request for an endpoint of a server, with its data if it takes some. */
export function gr00tRequest(
  endpoint: string,
  apiKey: string | undefined,
  data?: ReadonlyMap<string, Packable>,
): Frame {
  const request = new Map<string, Packable>([['endpoint', endpoint]]);
  if (data !== undefined) request.set('data', data);
  if (apiKey !== undefined) request.set('api_token', apiKey);
  return pack(request);
}

/** Returns the request for the actions to an observation. */
export function gr00tQuestion(observation: unknown, apiKey: string | undefined): Frame {
  const told = toPackable(observation, form);
  return gr00tRequest('get_action', apiKey, new Map([['observation', told], NO_OPTIONS]));
}

/** Returns the request that begins an episode. */
export function gr00tReset(apiKey: string | undefined): Frame {
  return gr00tRequest('reset', apiKey, new Map([NO_OPTIONS]));
}

const NO_OPTIONS: [string, null] = ['options', null];

function form(dtype: string, shape: readonly number[], bytes: Uint8Array): Packable {
  return new Map<string, Packable>([
    ['__ndarray_class__', true],
    ['as_npy', toNpy(dtype, shape, bytes)],
  ]);
}

/**
 * Returns what is in a reply of a server.
 *
 * @throws {WireError} if it is not what such a server sends
 */
export function fromGr00t(frame: Uint8Array): Read {
  const arrays: ServerArray[] = [];
  const value = unpack(frame, (map) => {
    if ('__ModalityConfig_class__' in map) return map['as_json'];
    if (!('__ndarray_class__' in map)) return undefined;
    const array = fromNpy(map['as_npy']);
    arrays.push(array);
    return array;
  });
  return { value, arrays };
}
