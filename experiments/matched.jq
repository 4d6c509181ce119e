# matched.jq - the balance (scale of the over-safety patch / scale of the safety patch) at which a
# setting answers as many look-alikes as the original: experiments/matched tries three.

# The log odds of look-alikes being answered; half an item stands for none, and for all but none.
def odds: .sets.lookalike | (.answered / .n) as $share | (0.5 / .n) as $least
  | [[$share, $least] | max, 1 - $least] | min | log - (1 - . | log);

# Outcomes of the original, and of settings found so far with their values.balance -> the next: the
# first step takes a slope of 3 log odds per unit of log(balance), the next one that of the secant.
def balance($original; $found):
  # a little to the safe side of what the rule demands
  (($original | odds) + 0.05) as $wanted
  | if $found == [] then 1.12
    else ($found | map([(.values.balance | log), odds])) as $at
      | (if ($at | length) > 1 and $at[-1][0] != $at[-2][0]
         then ($at[-1][1] - $at[-2][1]) / ($at[-1][0] - $at[-2][0]) else 3 end) as $slope
      | $at[-1][0] + ($wanted - $at[-1][1]) / ([$slope, 0.5] | max)
      | [[., -1.2] | max, 1.2] | min | exp end
  | . * 1000 | round / 1000;
