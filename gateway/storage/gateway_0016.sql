-- Why: what a register that is written off held of promotions and store credits nobody can count, so it comes back by that word
-- alone (gateway.registers.reclaiming). Those that were written off before now still hold theirs.
UPDATE register SET reclaimed_to = '/' WHERE state = 'lost';
