"""The lives of a location's boxes, and the journals of its registers, as the hub knows them.

| file | knows |
|---|---|
| `rows.py` | which lives a location has had, and its registers |
| `records.py` | what entries say about the lives of a box (pure) |
| `hearing.py` | a box's journal as the journals that it carries: its own, and those of registers |
| `registers_heard.py` | what gateways tell of their registers |
| `counted.py` | when a SKU was counted last, and by which box |
| `unheard.py` | what a fenced box told that the living one has not heard yet, and counts without |
| `frozen.py` | what a fenced box still held: conceded where it lacks, taken back when it may be |
| `twice.py` | what was told by two lives, or counted before it was told: booked back, once |
| `asked.py` | what two lives were asked alike: done once |
| `came_again.py` | goods that came, were counted, and were booked anew |
| `tails.py` | what follows from the last entries of a fenced box |
| `attesting.py` | somebody answers for it that nothing more will be heard of a box |
| `deltas.py` | a second branch of a journal as a journal of its own (pure) |
| `branch_tree.py` | a journal with its branches as one tree (reads) |
| `branches.py` | a box hands over its second branch, and becomes a new incarnation |
| `renewing.py` | a box that lost what only registers know becomes a new incarnation |
| `restoring.py` | what a new box of a location takes over |
| `lives_api.py` | the endpoints |
"""
