# opts.jq - an object as command-line options: {"lr": 0.1, "loss_on": "answer", "ascend": true} is --lr 0.1 --loss-on answer --ascend.
# false and null are left out.
to_entries
| map(select(.value != null and .value != false)
      | "--" + (.key | gsub("_"; "-")) + if .value == true then "" else " \(.value)" end)
| join(" ")
