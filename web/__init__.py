"""The HTTP door that both programs stand behind: who may enter, in what shape, how "no" is said.

No rule of the trade lives here. A program hands in its table of endpoints and gets back answers,
problem details, tokens, pages and the OpenAPI document. `web/README.md` has the theory.
"""
