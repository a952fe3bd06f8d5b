from secateur.table import table


def test_first_column_to_the_left_others_to_the_right():
    assert table(["", "a", "long"], [["x", "1", "2"], ["name", "300", "4"]]).splitlines() == [
        "        a  long",
        "----  ---  ----",
        "x       1     2",
        "name  300     4",
    ]
