"""Redis streams grow for ever; here they lose what every consumer group has acknowledged, and nothing else.

`maxLenApprox` of the Dapr component would drop by age, work that is not done included, so the supervisor trims instead.
"""

import asyncio
from collections.abc import Callable, Collection

from cli.errors import CommandError
from cli.local.redis import Redis, streams

EVERY = 10.0
LOOK_FOR_STREAMS_EVERY = 30
"""Rounds. Finding the streams means walking over all keys, and new ones are rare."""
UNREAD = 10_000
"""Entries kept of a stream that nobody reads."""
PREFIX = "agents."

# One script, so that no group appears and no entry is delivered between looking and trimming. What a group still needs
# begins at its oldest pending entry, else behind the last one it was given; that last one stays, which costs one entry.
# Ids are compared as texts of equal length: as numbers they would lose digits.
_TRIM = """
local function sortable(id)
  local time, index = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #time) .. time .. string.rep('0', 20 - #index) .. index
end
local known, ours = {}, string.sub(KEYS[1], 1, #ARGV[2]) == ARGV[2]
for i = 3, #ARGV do known[ARGV[i]] = true end
local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
local needed = nil
for _, fields in ipairs(groups) do
  local group = {}
  for i = 1, #fields, 2 do group[fields[i]] = fields[i + 1] end
  ours = ours or known[group['name']]
  local from = group['last-delivered-id']
  local pending = redis.call('XPENDING', KEYS[1], group['name'])
  if pending[1] > 0 and sortable(pending[2]) < sortable(from) then from = pending[2] end
  if needed == nil or sortable(from) < sortable(needed) then needed = from end
end
if not ours then return 0 end
if needed == nil then return redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[1]) end
return redis.call('XTRIM', KEYS[1], 'MINID', needed)
"""


def trim(redis: Redis, stream: str, agents: Collection[str]) -> int:
    """How many entries a stream lost. Streams that are neither named as ours nor read by our agents are left alone."""
    try:
        return int(redis.ask("EVAL", _TRIM, "1", stream, str(UNREAD), PREFIX, *agents))
    except CommandError:
        if redis.ask("TYPE", stream) == "stream":
            raise
        return 0  # it is gone since it was found


async def keep_trimmed(
    port: int, agents: Collection[str], wanted: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Trim for ever, while `wanted`; what goes wrong is said once until it goes well again."""
    known: list[str] = []
    rounds, well = 0, True
    while True:
        await asyncio.sleep(EVERY)
        if not wanted():
            continue
        try:
            # In a thread: a frozen Redis must not freeze the supervisor.
            known = await asyncio.to_thread(
                _trim_all, port, agents, known if rounds % LOOK_FOR_STREAMS_EVERY else None
            )
        except (OSError, ValueError, CommandError) as error:
            if well:
                say(f"streams are not trimmed: {error}")
            well = False
        else:
            rounds, well = rounds + 1, True


def _trim_all(port: int, agents: Collection[str], known: list[str] | None) -> list[str]:
    with Redis("127.0.0.1", port) as redis:
        found = streams(redis) if known is None else known
        for stream in found:
            trim(redis, stream, agents)
    return found
