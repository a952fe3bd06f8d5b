from secateur import table

HEAD, ROWS = ["", "a", "long"], [["x", "1", "2"], ["name", "300", "4"]]


def test_first_column_to_the_left_others_to_the_right():
    assert table.table(HEAD, ROWS).splitlines() == [
        "        a  long",
        "----  ---  ----",
        "x       1     2",
        "name  300     4",
    ]


def test_notes_are_below_the_table():
    text = table.with_notes(HEAD, ROWS, ["One.", "Two."])
    assert text == table.table(HEAD, ROWS) + "\n\nOne.\nTwo."


def test_a_page_has_names_to_the_left_and_notes_as_a_list():
    text = table.markdown(["who", "a", "where"], [["x", "1", "here"]], ["One."], names=(0, 2))
    assert text.splitlines() == [
        *("", "| who | a | where |", "|---|---:|---|", "| x | 1 | here |", "", "- One.", "")
    ]
