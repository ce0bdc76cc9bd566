from __future__ import annotations

from rag.retrieval.words import Question, coverage, stems


def test_stems_fold_case_accents_and_endings() -> None:
    assert stems("Cafés OPENED, opening naïvely_twice.") == ["cafe", "open", "open", "naiv", "twice"]
    assert stems("") == []


def test_a_question_is_its_telling_words_and_pairs() -> None:
    question = Question("When was the joint venture founded, and who founded the joint venture?")
    assert list(question.words) == ["joint", "ventur", "found"]
    assert ("joint", "ventur") in question.pairs
    assert ("when", "was") not in question.pairs
    assert list(Question("what is it?").words) == ["what", "is", "it"]  # nothing else to go by


def test_rare_words_weigh_more_than_common_ones() -> None:
    passages = [["The company opened a plant in Kyoto."], ["The company lost money."], ["The company won."]]
    (kyoto,), (money,), (won,) = coverage(Question("company in Kyoto"), ["", "", ""], passages)
    assert kyoto > 0.9
    assert money == won
    assert 0 < money < 0.2


def test_neighbouring_words_count_beyond_single_ones() -> None:
    passages = [["a joint venture"], ["a venture of joint interest"], ["nothing of the kind"]]
    (together,), (apart,), (absent,) = coverage(Question("joint venture"), ["", "", ""], passages)
    assert together > apart > absent == 0


def test_a_word_in_the_title_counts_in_part() -> None:
    passages = [["It opened a plant."], ["It opened a plant."], ["Honda opened a plant."], ["Nothing."]]
    titles = ["Honda news", "Other news", "Other news", "Other news"]
    (titled,), (other,), (named,), _ = coverage(Question("Honda plant"), titles, passages)
    assert other < titled < named


def test_each_sentence_has_its_own_share() -> None:
    (shares, none, other) = coverage(
        Question("red kite"), ["", "", ""], [["A red kite.", "A blue kite.", "Rain."], [], ["Sun."]]
    )
    assert shares[0] > shares[1] > shares[2] == 0
    assert len(none) == 0
    assert other.tolist() == [0]
    assert coverage(Question("red kite"), [], []) == []
